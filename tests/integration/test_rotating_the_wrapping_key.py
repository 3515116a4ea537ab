"""Another key-encryption key comes into use while everything runs, and the old one goes."""

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner

from deploy.cli.commands import commands
from deploy.setup.databases import DatabaseUrls
from services.feedback.settings import Settings
from shared.database import Database, create_database
from shared.errors import Unavailable
from shared.ids import new_id
from shared.privacy import (
    KeyMissing,
    Keyring,
    LocalKeyWrapper,
    SubjectErased,
    SubjectRef,
    local_wrapper,
    migrate_keys,
)
from shared.privacy.rewrapping import rewrap, wrapped_by
from shared.privacy.table import PostgresKeyTable
from shared.privacy.wrapping import BadKeyEncryptionKey, Wrapped, key_name
from tests.conftest import MakeDatabase
from tests.support.keyring import MemoryKeyTable

OLD, NEW, OTHER = (letter * 32 for letter in (b"o", b"n", b"x"))
PLACE = {"tenant": "t", "stream": "s", "event_id": "e"}


@pytest.fixture
async def urls(make_database: MakeDatabase) -> DatabaseUrls:
    """A key database of its own."""
    urls = await make_database()
    await migrate_keys(urls.owner)
    return urls


@pytest.fixture
def reader(urls: DatabaseUrls) -> Database:
    """As operators see it."""
    return create_database(urls.reader, pool_size=1)


@pytest.fixture
def process(urls: DatabaseUrls) -> Callable[..., Keyring]:
    """A process that is given these key-encryption keys; it remembers no key of anybody."""

    def start(*keys: bytes) -> Keyring:
        table = PostgresKeyTable(create_database(urls.app, pool_size=2))
        return Keyring(table, LocalKeyWrapper(keys), size=0)

    return start


def somebody() -> SubjectRef:
    return new_id(), new_id()


async def opens(keyring: Keyring, sealed: dict[SubjectRef, Any]) -> bool:
    """Whether all that was sealed opens."""
    ciphers = await keyring.load(sealed)
    found = [(ciphers[ref], one) for ref, one in sealed.items()]
    return all(cipher and cipher.open(one, **PLACE).rstrip() == b"{}" for cipher, one in found)


async def sealed_by(keyring: Keyring, refs: list[SubjectRef]) -> dict[SubjectRef, Any]:
    """Something of each, sealed under their keys."""
    await keyring.create(refs)
    ciphers = await keyring.load(refs)
    return {ref: c.seal(b"{}", **PLACE) for ref, c in ciphers.items() if c is not None}


async def test_a_rotation_under_traffic_leaves_nothing_that_does_not_open(
    process: Callable[..., Keyring], reader: Database
) -> None:
    before = process(OLD)
    sealed = await sealed_by(before, [somebody() for _ in range(300)])
    hashed = (await before.hasher("t")).hash("client", "1044")
    # Every process first learns the new key, then uses it.
    running = [process(OLD, NEW), process(NEW, OLD)]
    stop = asyncio.Event()
    failures: list[BaseException] = []

    async def traffic(keyring: Keyring) -> None:
        while not stop.is_set():
            try:
                ref = somebody()
                sealed[ref] = (await sealed_by(keyring, [ref]))[ref]
                for other in running:
                    assert await opens(other, dict(list(sealed.items())[-50:]))
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not happen
                failures.append(error)
                return

    calls = [asyncio.create_task(traffic(keyring)) for keyring in running * 2]
    await asyncio.sleep(0)
    for _ in range(3):
        await rewrap(reader, LocalKeyWrapper([NEW, OLD]), at_once=7)
    stop.set()
    await asyncio.gather(*calls)
    assert failures == []
    # Whoever still wrapped by the old key has been told to stop: what is left goes now.
    await rewrap(reader, LocalKeyWrapper([NEW, OLD]))

    assert set(await wrapped_by(reader)) == {key_name(NEW)}
    after = process(NEW)
    assert len(sealed) > 300
    assert await opens(after, sealed)
    assert (await after.hasher("t")).hash("client", "1044") == hashed


async def test_it_goes_on_where_it_was_broken_off(
    process: Callable[..., Keyring], reader: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = await sealed_by(process(OLD), [somebody() for _ in range(25)])

    class Killed(Exception):
        pass

    class DiesSoon(LocalKeyWrapper):
        left = 2

        async def wrap(self, keys: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                raise Killed
            return await super().wrap(keys)

    with pytest.raises(Killed):
        await rewrap(reader, DiesSoon([NEW, OLD]), at_once=10)
    assert await wrapped_by(reader) == {key_name(NEW): 20, key_name(OLD): 5}
    assert await opens(process(NEW, OLD), sealed)

    again = await rewrap(reader, LocalKeyWrapper([NEW, OLD]), at_once=10)
    assert again == (key_name(NEW), 5)
    assert await rewrap(reader, LocalKeyWrapper([NEW, OLD])) == (key_name(NEW), 0)


async def test_who_is_erased_meanwhile_stays_erased(
    process: Callable[..., Keyring], reader: Database
) -> None:
    keyring, ref, other = process(OLD), somebody(), somebody()
    await keyring.create([ref, other])

    class Erases(LocalKeyWrapper):
        async def wrap(self, keys: Any) -> Any:
            await keyring.destroy(ref)
            return await super().wrap(keys)

    assert await rewrap(reader, Erases([NEW, OLD])) == (key_name(NEW), 1)
    assert (await keyring.load([ref]))[ref] is None
    with pytest.raises(SubjectErased):
        await process(NEW).create([ref])


async def test_what_was_wrapped_before_ids_were_kept_opens_and_is_wrapped_anew(
    process: Callable[..., Keyring], reader: Database
) -> None:
    sealed = await sealed_by(process(OLD), [somebody() for _ in range(3)])
    async with reader.raw() as conn:
        await conn.execute("UPDATE subject_keys SET wrapped_by = ''")
    assert await opens(process(NEW, OLD), sealed)
    await rewrap(reader, LocalKeyWrapper([NEW, OLD]))
    assert await opens(process(NEW), sealed)


@pytest.mark.parametrize("unnamed", [False, True])
async def test_without_the_key_it_is_said_which_is_missing_and_nothing_is_lost(
    process: Callable[..., Keyring], reader: Database, *, unnamed: bool
) -> None:
    sealed = await sealed_by(process(OLD), [somebody()])
    if unnamed:
        async with reader.raw() as conn:
            await conn.execute("UPDATE subject_keys SET wrapped_by = ''")
    for attempt in (
        process(OTHER).load(sealed),
        process(OTHER).create(sealed),
        rewrap(reader, LocalKeyWrapper([OTHER])),
    ):
        # For now: a consumer waits and tries again, where KeyMissing would park the event.
        with pytest.raises(Unavailable) as caught:
            await attempt
        assert not isinstance(caught.value, KeyMissing)
        if not unnamed:
            assert key_name(OLD) in caught.value.detail
            assert key_name(OTHER) in caught.value.detail
        assert OLD.decode() not in caught.value.detail
    assert await opens(process(OLD), sealed)


async def test_operators_can_wrap_keys_and_destroy_none(urls: DatabaseUrls) -> None:
    connection = await asyncpg.connect(urls.reader)
    for statement in (
        "UPDATE subject_keys SET destroyed_at = now()",
        "DELETE FROM subject_keys",
        "INSERT INTO subject_keys (tenant, subject, wrapped_key) VALUES ('t', 's', '')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    await connection.close()


async def test_the_command_line_rotates(
    urls: DatabaseUrls, process: Callable[..., Keyring], monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = await sealed_by(process(OLD), [somebody() for _ in range(12)])
    keys = ",".join(base64.b64encode(key).decode() for key in (NEW, OLD))
    monkeypatch.setenv("HEROIC_KEYS_URL", urls.app)
    monkeypatch.setenv("HEROIC_KEYS_READER_URL", urls.reader)
    monkeypatch.setenv("HEROIC_KEY_ENCRYPTION_KEY", keys)

    async def heroic(*arguments: str) -> str:
        answer = await asyncio.to_thread(CliRunner().invoke, commands, ["keys", *arguments])
        assert answer.exit_code == 0, answer.output
        return answer.output

    assert f"{key_name(OLD)}  12" in await heroic("wrapped")
    assert f"12 wrapped anew by {key_name(NEW)}" in await heroic("rewrap", "--batch", "5")
    assert await heroic("wrapped") == f"{key_name(NEW)}  12  in use\n"
    assert await opens(process(NEW), sealed)


def test_keys_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    keys = [base64.b64encode(key).decode() for key in (NEW, OLD)]
    file = tmp_path / "keys"
    file.write_text("\n".join(keys) + "\n")
    for given in (
        Settings(key_encryption_key=",".join(keys)),
        Settings(key_encryption_key_file=str(file)),
    ):
        assert local_wrapper(given.key_encryption_key).key_id == key_name(NEW)
    with pytest.raises(ValueError, match="cannot be read") as caught:
        Settings(key_encryption_key_file=str(tmp_path / "none"))
    assert keys[0] not in str(caught.value)


@pytest.mark.parametrize("keys", ["", ",", "c2hvcnQ=", base64.b64encode(NEW).decode() + ",x"])
def test_a_list_with_a_key_that_is_none_is_refused_at_once(keys: str) -> None:
    with pytest.raises(BadKeyEncryptionKey):
        local_wrapper(keys)


async def test_another_wrapper_needs_no_more_than_the_port() -> None:
    """As a key-management service is: the wrapping key never leaves it."""

    class Service:
        key_id = "kms/7"

        def __init__(self) -> None:
            self._inside = LocalKeyWrapper([OTHER])
            self.asked = SimpleNamespace(wrap=0, unwrap=0)

        async def wrap(self, keys: Any) -> dict[SubjectRef, Wrapped]:
            self.asked.wrap += 1
            made = await self._inside.wrap(keys)
            return {ref: one._replace(key_id=self.key_id) for ref, one in made.items()}

        async def unwrap(self, wrapped: Any) -> dict[SubjectRef, bytes]:
            self.asked.unwrap += 1
            inner = {r: w._replace(key_id=self._inside.key_id) for r, w in wrapped.items()}
            return await self._inside.unwrap(inner)

    service = Service()
    keyring = Keyring(MemoryKeyTable(), service)
    sealed = await sealed_by(keyring, [somebody() for _ in range(100)])
    assert await opens(keyring, sealed)
    # A batch is one question.
    assert (service.asked.wrap, service.asked.unwrap) == (1, 1)
