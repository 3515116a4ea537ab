"""The keyring: keys are made once, destroyed for ever, and cached for seconds.

The same suite for the real table and for the fake that other tests use.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

import asyncpg
import pytest

from deploy.setup.databases import DatabaseUrls
from shared.database import create_database
from shared.errors import Permanent, Unavailable
from shared.ids import new_id
from shared.privacy import (
    KeyMissing,
    Keyring,
    SubjectErased,
    SubjectRef,
    migrate_keys,
    open_keyring,
)
from shared.privacy.cache import ExpiringCache
from shared.privacy.keyring import CACHED_SECONDS
from shared.privacy.table import KeyTable, PostgresKeyTable
from shared.privacy.wrapping import BadKeyEncryptionKey, LocalKeyWrapper, Wrapped
from tests.conftest import MakeDatabase
from tests.support.keyring import WRAPPING_KEY, MemoryKeyTable

ONE, OTHER = Wrapped("", b"one"), Wrapped("", b"other")
PLACE = {"tenant": "t", "stream": "s", "event_id": "e"}


SEEING = "SELECT set_config('heroic.tenants', ARRAY[$1::text]::text, false)"


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Two(NamedTuple):
    """Two processes on one table; `clock` is the first one's."""

    first: Keyring
    second: Keyring
    clock: Clock


@pytest.fixture(scope="module")
async def key_database(make_database: MakeDatabase) -> DatabaseUrls:
    urls = await make_database()
    for _ in range(2):  # as every service does, the second one in vain
        await migrate_keys(urls.owner)
    return urls


@pytest.fixture(params=["postgres", "memory"])
async def two(request: pytest.FixtureRequest, key_database: DatabaseUrls) -> AsyncIterator[Two]:
    clock = Clock()
    tables: list[KeyTable]
    if request.param == "memory":
        tables = [MemoryKeyTable()] * 2
    else:
        tables = [PostgresKeyTable(create_database(key_database.app)) for _ in range(2)]
    first = Keyring(tables[0], WRAPPING_KEY, timer=clock)
    second = Keyring(tables[1], WRAPPING_KEY)
    yield Two(first, second, clock)
    await first.close()
    await second.close()


def somebody() -> SubjectRef:
    return new_id(), new_id()


async def passes_between(one: Keyring, other: Keyring, ref: SubjectRef) -> bool:
    """Whether `other` opens what `one` sealed."""
    sealer, opener = (await one.load([ref]))[ref], (await other.load([ref]))[ref]
    assert sealer is not None
    assert opener is not None
    sealed = sealer.seal(b"{}", **PLACE)
    return opener.open(sealed, **PLACE).rstrip() == b"{}"


async def test_what_one_process_seals_another_opens(two: Two) -> None:
    ref = somebody()
    await two.first.create([ref])

    assert await passes_between(two.first, two.second, ref)


async def test_a_key_is_made_once_however_often_and_by_however_many_at_once(two: Two) -> None:
    refs = [somebody() for _ in range(50)]

    await asyncio.gather(
        *(two.first.create(refs) for _ in range(4)),
        *(two.second.create(reversed(refs)) for _ in range(4)),
    )
    await two.second.create(refs)

    for ref in refs:
        assert await passes_between(two.first, two.second, ref)
        assert await passes_between(two.second, two.first, ref)


async def test_the_same_person_in_two_tenants_has_two_keys(two: Two) -> None:
    person, here, there = new_id(), new_id(), new_id()
    await two.first.create([(here, person), (there, person)])

    ciphers = await two.first.load([(here, person), (there, person)])

    mine, theirs = ciphers[here, person], ciphers[there, person]
    assert mine is not None
    assert theirs is not None
    with pytest.raises(Permanent):
        theirs.open(mine.seal(b"{}", **PLACE), **PLACE)


async def test_there_is_no_key_for_somebody_unknown(two: Two) -> None:
    known, unknown = somebody(), somebody()
    await two.first.create([known])

    with pytest.raises(KeyMissing) as caught:
        await two.first.load([known, unknown])

    assert caught.value.refs == {unknown}


async def test_an_erased_person_stays_erased(two: Two) -> None:
    erased, other = somebody(), somebody()
    await two.first.create([erased])
    await two.first.destroy(erased)
    await two.first.destroy(erased)

    assert (await two.first.load([erased]))[erased] is None
    assert (await two.second.load([erased]))[erased] is None
    for keyring in (two.first, two.second):
        with pytest.raises(SubjectErased) as caught:
            await keyring.create([erased, other])
        assert caught.value.refs == {erased}
        assert caught.value.status == 410
    assert await passes_between(two.first, two.second, other)


async def test_somebody_erased_before_they_were_known_never_gets_a_key(two: Two) -> None:
    ref = somebody()
    await two.first.destroy(ref)

    with pytest.raises(SubjectErased):
        await two.second.create([ref])


async def test_an_erasure_reaches_the_other_processes_within_the_age_of_the_cache(
    two: Two,
) -> None:
    ref = somebody()
    await two.first.create([ref])
    await two.second.destroy(ref)

    two.clock.seconds += CACHED_SECONDS - 0.1
    assert (await two.first.load([ref]))[ref] is not None
    two.clock.seconds += 0.1
    assert (await two.first.load([ref]))[ref] is None


async def test_using_a_key_does_not_keep_it_in_the_cache(two: Two) -> None:
    ref = somebody()
    await two.first.create([ref])
    await two.second.destroy(ref)

    for _ in range(5):
        await two.first.load([ref])
        two.clock.seconds += CACHED_SECONDS / 5

    assert (await two.first.load([ref]))[ref] is None


async def test_the_hash_of_an_identifier_is_the_same_everywhere_in_one_tenant_only(
    two: Two,
) -> None:
    here, there = new_id(), new_id()
    hashers = await asyncio.gather(*(k.hasher(here) for k in (two.first, two.second)))
    other = await two.first.hasher(there)

    first, second = (hasher.hash("client", "system", "1044") for hasher in hashers)

    assert first == second
    assert len(bytes.fromhex(first)) == 32
    assert first != other.hash("client", "system", "1044")
    assert first != hashers[0].hash("episode", "system", "1044")
    assert first != hashers[0].hash("client", "system1", "044")
    assert first != hashers[0].hash("client", "system", "10", "44")


async def test_a_thousand_keys_take_one_question() -> None:
    table = MemoryKeyTable()
    refs = [somebody() for _ in range(1000)]
    await Keyring(table, WRAPPING_KEY).create(refs)
    table.queries = 0
    keyring = Keyring(table, WRAPPING_KEY)

    await keyring.load(refs)
    await keyring.load(refs)

    assert table.queries == 1


def test_the_cache_keeps_the_entries_used_last_and_no_more_than_its_size() -> None:
    cache: ExpiringCache[int, str] = ExpiringCache(size=2, seconds=5, timer=Clock())
    for number in (1, 2):
        cache.put(number, str(number), cache.now())
    cache.get(1, cache.now())
    cache.put(3, "3", cache.now())

    assert len(cache) == 2
    assert [cache.get(number, cache.now()) for number in (1, 2, 3)] == [("1",), None, ("3",)]


async def test_the_table_holds_no_key_in_the_clear_and_a_tombstone_holds_none(
    key_database: DatabaseUrls,
) -> None:
    wrapping_key = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
    keyring = open_keyring(create_database(key_database.app), wrapping_key)
    ref = somebody()
    await keyring.create([ref])
    app = await asyncpg.connect(key_database.app)
    await app.execute(SEEING, ref[0])
    query = "SELECT wrapped_key, destroyed_at FROM subject_keys WHERE tenant = $1 AND subject = $2"

    wrapped = await app.fetchval(query, *ref)
    await keyring.destroy(ref)
    tombstone = await app.fetchrow(query, *ref)
    await keyring.destroy(ref)

    assert await app.fetchrow(query, *ref) == tombstone  # the day of the erasure stays
    assert len(wrapped) == 12 + 32 + 16
    assert tombstone["wrapped_key"] is None
    assert tombstone["destroyed_at"] is not None
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute("DELETE FROM subject_keys")
    inspect = await asyncpg.connect(key_database.inspect)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await inspect.execute("SELECT * FROM subject_keys")
    await app.close()
    await inspect.close()
    await keyring.close()


async def test_two_processes_that_make_the_same_keys_never_wait_for_each_other_in_a_circle(
    key_database: DatabaseUrls,
) -> None:
    database = create_database(key_database.app)
    table = PostgresKeyTable(database)
    for _ in range(3):
        refs = [somebody() for _ in range(3000)]

        await asyncio.gather(
            table.create(dict.fromkeys(refs, ONE)),
            table.create(dict.fromkeys(reversed(refs), OTHER)),
        )

        assert set((await table.fetch(refs)).values()) in ({ONE}, {OTHER})
    await database.dispose()


async def test_a_key_swapped_between_two_people_does_not_open(key_database: DatabaseUrls) -> None:
    database = create_database(key_database.app)
    mine, theirs = somebody(), somebody()
    await Keyring(PostgresKeyTable(database), WRAPPING_KEY).create([mine, theirs])
    swap = """
        UPDATE subject_keys SET wrapped_key =
            (SELECT wrapped_key FROM subject_keys WHERE tenant = $1 AND subject = $2)
        WHERE tenant = $3 AND subject = $4
    """
    reader = await asyncpg.connect(key_database.reader)
    assert await reader.execute(swap, *mine, *theirs) == "UPDATE 1"
    await reader.close()

    with pytest.raises(Unavailable):
        await Keyring(PostgresKeyTable(database), WRAPPING_KEY).load([theirs])
    await database.dispose()


async def test_nobody_sees_the_keys_of_a_tenant_that_they_do_not_name(
    key_database: DatabaseUrls,
) -> None:
    database = create_database(key_database.app)
    ref, stranger = somebody(), somebody()
    keyring = Keyring(PostgresKeyTable(database), WRAPPING_KEY)
    await keyring.create([ref, stranger])
    app = await asyncpg.connect(key_database.app)

    assert await app.fetch("SELECT * FROM subject_keys") == []
    await app.execute(SEEING, ref[0])
    assert [row["subject"] for row in await app.fetch("SELECT * FROM subject_keys")] == [ref[1]]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(
            "INSERT INTO subject_keys (tenant, subject, wrapped_key) VALUES ($1, $2, '')",
            stranger[0],
            new_id(),
        )
    # What the functions see ends with their transaction.
    async with database.raw() as conn:
        await conn.fetch("SELECT * FROM heroic_keys($1, $2)", [ref[0]], [ref[1]])
        assert await conn.fetch("SELECT * FROM subject_keys") == []
    await app.close()
    await keyring.close()


async def test_another_key_encryption_key_is_a_fault_of_the_setup_not_of_the_event(
    key_database: DatabaseUrls,
) -> None:
    ref = somebody()
    table = PostgresKeyTable(create_database(key_database.app))
    await Keyring(table, WRAPPING_KEY).create([ref])

    with pytest.raises(Unavailable):
        await Keyring(table, LocalKeyWrapper([b"another wrapping key of 32 bytes"])).load([ref])
    await table.close()


async def test_a_database_that_is_away_is_away_for_now() -> None:
    keyring = open_keyring(
        create_database("postgresql://heroic_app:x@127.0.0.1:1/heroic_keys"),
        "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
    )

    for call in (keyring.create, keyring.load):
        with pytest.raises(Unavailable):
            await call([somebody()])
    with pytest.raises(Unavailable):
        await keyring.destroy(somebody())
    await keyring.close()


@pytest.mark.parametrize("key", ["", "c2hvcnQ=", "not base64 at all", "a" * 44])
def test_a_key_encryption_key_that_is_none_is_refused_at_once(key: str) -> None:
    with pytest.raises(BadKeyEncryptionKey) as caught:
        open_keyring(create_database("postgresql://x@127.0.0.1:1/x"), key)

    assert not key or key not in str(caught.value)
