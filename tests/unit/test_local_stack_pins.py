"""The broker's jars: only the pinned bytes ever run."""

import hashlib
from pathlib import Path

import pytest

from deploy.local import jars
from deploy.local.errors import PinMismatch

COORDINATE = "org.example:thing:1.0"


@pytest.fixture
def jar(tmp_path: Path) -> Path:
    path = jars.cached_path(tmp_path, COORDINATE)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"the real jar")
    return path


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    file = tmp_path / "kafka.lock"
    file.write_text(f"# comment\n{COORDINATE} {hashlib.sha256(b'the real jar').hexdigest()}\n")
    return file


def test_the_pinned_jar_is_taken_from_the_cache(tmp_path: Path, jar: Path, lock: Path) -> None:
    assert jars.fetch(lock, tmp_path) == [jar]


def test_a_tampered_jar_is_refused_and_removed(tmp_path: Path, jar: Path, lock: Path) -> None:
    jar.write_bytes(b"the real jar, and something else")

    with pytest.raises(PinMismatch, match=COORDINATE):
        jars.fetch(lock, tmp_path)

    assert not jar.exists()


def test_every_jar_of_the_broker_is_pinned_by_a_sha256() -> None:
    pins = jars.read_lock()

    assert jars.BROKER in pins
    assert len(pins) > 40
    assert all(len(bytes.fromhex(digest)) == 32 for digest in pins.values())
