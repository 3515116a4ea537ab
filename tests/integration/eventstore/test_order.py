"""No reader skips an event and no stream's order inverts, whatever commits late."""

import asyncio
import random

import asyncpg
import pytest

from shared.database import driver
from shared.eventstore import WrongVersion
from shared.eventstore.tail import START, Cursor, Horizon, mark, tail
from shared.ids import new_id
from tests.conftest import MakeDatabase
from tests.support.eventstore import Home, migrated, open_home
from tests.support.waiting import eventually_async

BY_POSITION = "SELECT position FROM events WHERE position > $1 ORDER BY position"
WRITERS = 16
EACH = 12


async def slow_writer(home: Home, rng: random.Random) -> None:
    """Events whose transactions stay open for a moment after their positions were drawn."""
    for _ in range(EACH):
        async with home.database.session(home.tenant) as connection:
            await home.store.write_in(connection, [home.write(f"feedback-{new_id()}")])
            await asyncio.sleep(rng.random() / 50)


async def test_the_pair_misses_nothing_where_position_alone_does(
    make_database: MakeDatabase,
) -> None:
    async with open_home(*await migrated(make_database)) as home:
        reader = await asyncpg.connect(home.urls.reader)
        seen, naive = set[int](), set[int]()
        cursor, last = START, 0

        async def read() -> Cursor:
            nonlocal last
            page = await tail(reader, cursor, 1_000)
            seen.update(row["position"] for row in page.rows)
            positions = [row["position"] for row in await reader.fetch(BY_POSITION, last)]
            naive.update(positions)
            last = max([last, *positions])
            return page.end(cursor)

        writers = [asyncio.create_task(slow_writer(home, random.Random(n))) for n in range(WRITERS)]
        while not all(writer.done() for writer in writers):
            cursor = await read()
        await asyncio.gather(*writers)
        await read()
        naive_found = naive.copy()

        async def all_seen() -> bool:
            nonlocal cursor
            # Transactions of other databases of the server hold the horizon up, too.
            cursor = await read()
            return len(seen) == WRITERS * EACH

        await eventually_async(all_seen, 30)
        every = {row["position"] for row in await reader.fetch(BY_POSITION, 0)}
        await reader.close()
    assert len(every) == WRITERS * EACH
    assert seen == every
    assert naive_found < every, "the naive reader should have missed some, else this proves nothing"


async def test_a_guessed_version_cannot_put_a_stream_out_of_order(home: Home) -> None:
    """Trap 14: whoever has an older transaction id than the head's last event is refused."""
    stream = f"feedback-{new_id()}"
    async with home.database.session(home.tenant) as connection:
        await driver(connection).fetchval("SELECT pg_current_xact_id()")
        await home.store.write(home.write(stream))
        with pytest.raises(WrongVersion):
            await home.store.write_in(connection, [home.write(stream, expected=1)])
    await home.store.write(home.write(stream, expected=1))


async def test_the_order_of_pairs_is_the_order_of_each_stream(home: Home) -> None:
    streams = [f"feedback-{new_id()}" for _ in range(5)]
    rng = random.Random(7)

    async def write(number: int) -> None:
        """Half of them as a consumer would, half as a request would; each reads, then writes."""
        stream = rng.choice(streams)
        async with home.database.session(home.tenant) as connection:
            heads = await home.store.heads_in(connection, home.tenant, [stream])
            expected = heads[stream].version if stream in heads else 0
            await asyncio.sleep(rng.random() / 200)
            try:
                if number % 2:
                    await home.store.write_in(connection, [home.write(stream, expected=expected)])
                    await asyncio.sleep(rng.random() / 200)
                else:
                    await home.store.write(home.write(stream, expected=expected))
            except WrongVersion:
                return

    await asyncio.gather(*(write(number) for number in range(150)))
    reader = await asyncpg.connect(home.urls.reader)
    rows = await reader.fetch(
        "SELECT stream, version FROM events WHERE stream = ANY ($1) ORDER BY xid, position", streams
    )
    await reader.close()
    assert len(rows) > len(streams)
    for stream in streams:
        versions = [row["version"] for row in rows if row["stream"] == stream]
        assert versions == list(range(1, len(versions) + 1))


async def test_a_batch_rings_once(home: Home) -> None:
    """Trap 17: NOTIFY takes a lock of the whole cluster at commit."""
    rings: list[str] = []
    listener = await asyncpg.connect(home.urls.reader)
    await listener.add_listener("heroic_events", lambda *event: rings.append(event[3]))
    writes = [home.write(f"feedback-{new_id()}") for _ in range(300)]
    written = await home.store.write_many(writes)
    await listener.fetchval("SELECT 1")
    xids = await listener.fetchval(
        "SELECT count(DISTINCT xid) FROM events WHERE position = ANY ($1)",
        [one.positions[0] for one in written if not isinstance(one, Exception)],
    )
    await listener.close()
    assert len(rings) == xids <= 20


async def test_the_horizon_says_how_far_everything_is_settled(home: Home) -> None:
    horizon, reader = Horizon(), await asyncpg.connect(home.urls.reader)
    clock = home.store._clock
    async with home.database.session(home.tenant) as connection:
        await home.store.write_in(connection, [home.write(f"feedback-{new_id()}")])
        before = clock()
        horizon.marked(before, await mark(reader))
        page = await tail(reader, START, 1)
        horizon.read_through(page.xmin)
        assert horizon.through is None, "a transaction that began before is still open"

    async def settled() -> bool:
        # Transactions of other databases of the server hold the horizon up, too.
        page = await tail(reader, START, 1)
        horizon.read_through(page.xmin)
        return horizon.through == before

    await eventually_async(settled)
    await reader.close()
