"""Signing keys rotate: published before they sign, and for as long as tokens of theirs live."""

import json
import os
import stat
from pathlib import Path

import pytest

from shared.security import SigningKeyFile, SigningKeys
from shared.security.jwks import FRESH_SECONDS
from shared.security.signing import AFTER_SECONDS, AHEAD_SECONDS, REREAD_SECONDS
from shared.security.tokens import LIFETIME_SECONDS
from tests.support.waiting import eventually


class Clock:
    """A clock that is moved by hand."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with one key."""
    file = tmp_path / "keys.json"
    SigningKeys.generate().write(file)
    return file


def published(keys: SigningKeys) -> list[str]:
    return [key["kid"] for key in json.loads(keys.public())["keys"]]


def kid(keys: SigningKeys | SigningKeyFile) -> str:
    return keys.current.kid or ""


def test_a_new_key_is_published_long_before_it_signs(path: Path, clock: Clock) -> None:
    old = SigningKeys.read(path, clock=clock)
    old.rotated().replace(path)
    keys = SigningKeys.read(path, clock=clock)
    [new] = set(published(keys)) - {kid(old)}
    assert kid(keys) == kid(old)
    # By then everybody has fetched the keys anew, and through caches.
    assert AHEAD_SECONDS >= FRESH_SECONDS + 60
    clock.now += AHEAD_SECONDS - 1
    assert kid(keys) == kid(old)
    clock.now += 1
    assert kid(keys) == new


def test_the_old_key_is_published_until_its_last_token_has_ended(path: Path, clock: Clock) -> None:
    old = SigningKeys.read(path, clock=clock)
    keys = old.rotated()
    clock.now += AHEAD_SECONDS + LIFETIME_SECONDS
    assert set(published(keys)) == {kid(old), kid(keys)}
    assert AFTER_SECONDS > LIFETIME_SECONDS
    clock.now += AFTER_SECONDS
    assert published(keys) == [kid(keys)]
    keys.rotated().replace(path)
    assert kid(old) not in path.read_text()


def test_rotating_again_before_the_first_has_come_loses_nothing(path: Path, clock: Clock) -> None:
    keys = SigningKeys.read(path, clock=clock)
    signing = [kid(keys)]
    for _ in range(3):
        keys = keys.rotated()
        clock.now += 10
    assert len(published(keys)) == 4
    for _ in range(100):
        clock.now += 10
        assert kid(keys) in published(keys)
        if kid(keys) != signing[-1]:
            # Whoever has a token of the last key still finds that one.
            assert signing[-1] in published(keys)
            signing.append(kid(keys))
    assert len(signing) == 4


def test_nothing_but_the_public_parts_is_published(path: Path, clock: Clock) -> None:
    keys = SigningKeys.read(path, clock=clock).rotated()
    for key in json.loads(keys.public())["keys"]:
        assert key.keys() == {"kty", "crv", "x", "y", "kid"}


def test_the_file_stays_private_and_is_replaced_whole(path: Path, clock: Clock) -> None:
    before = path.stat().st_ino
    SigningKeys.read(path, clock=clock).rotated().replace(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_ino != before
    assert os.listdir(path.parent) == [path.name]  # noqa: PTH208 - names alone


def test_a_running_process_reads_the_file_anew(path: Path) -> None:
    file = SigningKeyFile(path)
    before = kid(file)
    SigningKeys.read(path).rotated(ahead=0).replace(path)
    eventually(lambda: kid(file) != before, REREAD_SECONDS + 1)
    assert before in file.public().decode()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"keys": []}', b'{"keys": [{}]}', b"null"])
def test_a_broken_file_changes_nothing(
    path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.security.signing.REREAD_SECONDS", 0)
    file = SigningKeyFile(path)
    good, before = path.read_bytes(), kid(file)
    path.write_bytes(content)
    assert kid(file) == before
    path.write_bytes(good.replace(b" ", b""))
    assert kid(file) == before


def test_a_file_that_is_gone_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.security.signing.REREAD_SECONDS", 0)
    file = SigningKeyFile(path)
    before = kid(file)
    path.unlink()
    assert kid(file) == before
