"""Group commit against a bare INSERT, against the same work one by one, and against a library."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count

import asyncpg

from deploy.setup.databases import DatabaseUrls
from shared.clock import utc_now
from shared.database import array_literal
from shared.eventstore import Append, EventStore, Write
from shared.eventstore.prepare import EventRow, prepare_all
from shared.ids import new_id
from shared.migrations import upgrade_from
from shared.privacy import Keyring, migrate_keys
from tests.benchmarks._eventsourcing import save_rate
from tests.benchmarks.harness import Environment, Result, compare, rate
from tests.support.eventstore import MIGRATIONS, open_home, rating

NAMES = ("append", "append_equal_work", "append_vs_eventsourcing")

TENANTS = 16
CALLERS = 128
CONNECTIONS = 32
SECONDS = 3.0
RATINGS_A_STREAM = 13
INSERT_BARE = """INSERT INTO bare (tenant, stream, version, id, type, subject, schema_version,
    recorded_at, correlation_id, causation_id, traceparent, data)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"""
INSERT_EVENT = INSERT_BARE.replace("INTO bare", "INTO events")
SET_TENANTS = "SELECT set_config('heroic.tenants', $1, true)"
NEW_HEAD = "INSERT INTO streams (tenant, stream, version, subject, last_id) VALUES ($1,$2,1,$3,$4)"
MOVE_HEAD = """UPDATE streams SET version = $3, last_id = $4
    WHERE tenant = $1 AND stream = $2 AND version = $3 - 1"""
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass
class Place:
    """Where one caller writes next."""

    tenant: str
    client: str
    stream: str = ""
    version: int = RATINGS_A_STREAM

    def write(self) -> Write:
        """One more rating, now and then the first of a new stream."""
        if self.version == RATINGS_A_STREAM:
            self.stream, self.version = f"feedback-{new_id()}", 0
        self.version += 1
        append = Append(
            tenant=self.tenant,
            stream=self.stream,
            expected=self.version - 1,
            events=[rating(self.client)],
            subject=self.client,
            secret_of=self.client,
        )
        return Write(
            tenant=self.tenant,
            appends=[append],
            correlation_id=append.events[0].id,
            traceparent=TRACEPARENT,
        )


async def places(
    keyring: Keyring, callers: int, tenants: Sequence[str] | None = None
) -> list[Place]:
    """A place a caller, spread over the tenants (new ones unless given)."""
    chosen = tenants or [new_id() for _ in range(TENANTS)]
    found = [Place(chosen[caller % len(chosen)], new_id()) for caller in range(callers)]
    await keyring.create([(place.tenant, place.client) for place in found])
    return found


async def fresh(environment: Environment) -> tuple[DatabaseUrls, DatabaseUrls]:
    """A migrated database, with a table `bare` like that of events but without its wall."""
    urls, keys = await environment.database(), await environment.database()
    await upgrade_from(MIGRATIONS, urls.owner)
    await migrate_keys(keys.owner)
    owner = await asyncpg.connect(urls.owner)
    await owner.execute("CREATE TABLE bare (LIKE events INCLUDING ALL)")
    await owner.close()
    return urls, keys


@asynccontextmanager
async def connected(url: str, number: int) -> AsyncIterator[list[asyncpg.Connection]]:
    """So many connections."""
    connections = [await asyncpg.connect(url) for _ in range(number)]
    try:
        yield connections
    finally:
        for connection in connections:
            await connection.close()


def values(row: EventRow) -> tuple[object, ...]:
    """The row in the order of the INSERT."""
    return (*row[:7], utc_now(), *row[7:])


async def group_commit(
    store: EventStore, keyring: Keyring, tenants: Sequence[str] | None = None
) -> float:
    """Events a second by the event store."""
    mine = await places(keyring, CALLERS, tenants)

    async def work(caller: int) -> int:
        await store.write(mine[caller].write())
        return 1

    return await rate(work, CALLERS, SECONDS)


async def bare_inserts(url: str, keyring: Keyring) -> float:
    """Rows a second by autocommitted INSERTs of such rows, sealed beforehand."""
    mine = await places(keyring, CONNECTIONS)
    writes = [place.write() for place in mine]
    rows = [prepared.events[0] for prepared in await prepare_all(writes, keyring)]
    numbers = count()
    async with connected(url, CONNECTIONS) as connections:

        async def work(caller: int) -> int:
            row = rows[caller]._replace(id=new_id(), version=next(numbers) + 1)
            await connections[caller].execute(INSERT_BARE, *values(row))
            return 1

        return await rate(work, CONNECTIONS, SECONDS)


async def one_by_one(url: str, keyring: Keyring) -> float:
    """Events a second where each has a transaction that does all that the store does."""
    mine = await places(keyring, CONNECTIONS)
    async with connected(url, CONNECTIONS) as connections:

        async def work(caller: int) -> int:
            [prepared] = await prepare_all([mine[caller].write()], keyring)
            [row], connection = prepared.events, connections[caller]
            async with connection.transaction():
                await connection.execute(SET_TENANTS, array_literal([row.tenant]))
                head = (row.tenant, row.stream)
                if row.version == 1:
                    await connection.execute(NEW_HEAD, *head, row.subject, row.id)
                else:
                    await connection.execute(MOVE_HEAD, *head, row.version, row.id)
                await connection.execute(INSERT_EVENT, *values(row))
                await connection.execute("NOTIFY heroic_events, '1'")
            return 1

        return await rate(work, CONNECTIONS, SECONDS)


async def run(environment: Environment) -> dict[str, Result]:
    """Measure all three on one database."""
    urls, keys = await fresh(environment)
    async with open_home(urls, keys) as home:

        async def ours() -> float:
            return await group_commit(home.store, home.keyring)

        async def bare() -> float:
            return await bare_inserts(urls.app, home.keyring)

        async def equal() -> float:
            return await one_by_one(urls.app, home.keyring)

        async def library() -> float:
            return await asyncio.to_thread(save_rate, urls.owner)

        unit = "events/s"
        return {
            "append": await compare(environment, ours, bare, unit=unit, note=f"{CALLERS} callers"),
            "append_equal_work": await compare(environment, ours, equal, unit=unit),
            "append_vs_eventsourcing": await compare(environment, ours, library, unit=unit),
        }
