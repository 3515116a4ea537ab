"""What is left of an erased client goes at once, and whatever comes later brings nothing back."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import pytest

from shared.consuming import Incoming
from shared.contracts import decode, envelope_bytes
from shared.contracts.feedback import ClientPurged
from shared.contracts.intake import ClientErased
from shared.errors import Permanent
from shared.eventstore import EventStore
from shared.ids import new_id
from shared.purging import Purge, PurgeHandler, living, no_purge
from tests.integration.consuming.home import WHEN, Client, Home, Recorder
from tests.support.keyring import memory_keyring
from tests.support.waiting import eventually_async

FORGET = "DELETE FROM applied WHERE tenant = $1 AND subject = $2"
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


def erased(client: Client) -> bytes:
    """Intake's word that a client is erased."""
    data = ClientErased(request_id=new_id(), client_id=client.id, erased_at=WHEN)
    return envelope_bytes(
        event_type=ClientErased.type,
        event_id=new_id(),
        subject=client.id,
        recorded_at=WHEN,
        tenant=client.tenant,
        stream=f"client-{client.id}",
        version=1,
        epoch=1,
        position=1,
        schema_version=1,
        correlation_id="test",
        causation_id=None,
        traceparent=None,
        data=msgspec.json.encode(data),
    )


@dataclass
class Undertaker:
    """Purges, as the group of a service would."""

    home: Home
    store: EventStore = field(init=False)

    def __post_init__(self) -> None:
        keyring = memory_keyring()
        self.store = EventStore(self.home.database, keyring, service="toy")
        self.handler = PurgeHandler(Purge("toy", (FORGET,), ClientPurged), self.store, keyring)

    async def bury(self, client: Client) -> None:
        """All of it, in one transaction as the kernel's is."""
        raw = erased(client)
        async with self.home.database.session(client.tenant) as conn:
            plan = await self.handler.prepare(conn, [Incoming("t", 0, 0, raw, decode(raw))])
            await self.store.write_in(conn, plan.writes)
            await plan.apply(conn)
        await plan.committed()

    async def words(self, client: Client) -> int:
        """How often it was said that nothing is left."""
        return len(await self.store.read(client.tenant, f"purge-{client.id}"))


@pytest.fixture
def undertaker(home: Home) -> Undertaker:
    return Undertaker(home)


async def left(home: Home, client: Client) -> dict[str, int]:
    """How many rows there are of a client."""
    found = {}
    for table, column in (("applied", "subject"), ("parked", "holder"), ("held", "holder")):
        query = f"SELECT count(*) FROM {table} WHERE {column} = $1"  # noqa: S608 - named above
        [(found[table],)] = await home.rows(query, client.id)
    return found


NOTHING = {"applied": 0, "parked": 0, "held": 0}


async def test_rows_and_parked_events_go_and_it_is_said_once(
    home: Home, undertaker: Undertaker
) -> None:
    client, other = Client(), Client()
    bad = f"episode-{client.id}"
    async with home.consuming(Recorder(failures={bad: Permanent}), tombstones=True):
        await home.send(*client.events(1, 2), client.event(1, stream=bad), client.event(3))
        await home.send(*other.events(1, 2))
        await home.until_applied(4)
        await home.until_parked(2)
        for _ in range(2):
            await undertaker.bury(client)
    assert await left(home, client) == NOTHING
    assert await home.versions(other) == [1, 2]
    assert await undertaker.words(client) == 1


@pytest.mark.parametrize("versions", [True, False])
async def test_nothing_that_is_late_broken_or_out_of_order_brings_anything_back(
    home: Home, undertaker: Undertaker, versions: bool
) -> None:
    client, other = Client(), Client()
    async with home.consuming(Recorder(), tombstones=True, versions=versions):
        await home.send(*client.events(1, 2))
        await home.until_applied(2)
        await undertaker.bury(client)
        gap = client.event(9)
        unknown = client.event(3, type="heroic.feedback.SaidByANewerProgram")
        await home.send(client.event(3), unknown, gap, client.event(4), client.event(9))
        await home.send(*other.events(1, 2))
        await home.until_applied(2)
        await home.until_read()
    assert await left(home, client) == NOTHING
    assert await home.versions(other) == [1, 2]


async def test_a_batch_that_is_under_way_is_waited_for(home: Home, undertaker: Undertaker) -> None:
    client = Client()
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(_: Sequence[Incoming]) -> None:
        begun.set()
        await go_on.wait()

    async with home.consuming(Recorder(on_apply=slowly), tombstones=True):
        await home.send(client.event(1))
        await begun.wait()
        burying = asyncio.create_task(undertaker.bury(client))

        async def waits() -> bool:
            [(count,)] = await home.rows(WAITING)
            return bool(count)

        await eventually_async(waits)
        go_on.set()
        await burying
    assert await left(home, client) == NOTHING


async def test_who_writes_outside_of_consumers_learns_who_is_gone(
    home: Home, undertaker: Undertaker
) -> None:
    gone, here = Client(), Client()
    await undertaker.bury(gone)
    refs = {(gone.tenant, gone.id), (here.tenant, here.id)}
    async with home.database.session(gone.tenant, here.tenant) as conn:
        raw = (await conn.get_raw_connection()).driver_connection
        assert raw is not None
        await no_purge(raw, [gone.tenant, here.tenant])
        assert await living(raw, refs) == {(here.tenant, here.id)}
        burying = asyncio.create_task(undertaker.bury(here))

        async def waits() -> bool:
            [(count,)] = await home.rows(WAITING)
            return bool(count)

        await eventually_async(waits)
        assert not burying.done()
    await burying


async def test_a_group_that_asks_for_one_type_keeps_nothing_of_the_others(home: Home) -> None:
    client = Client()
    only = [ClientErased.type]
    recorder = Recorder()
    async with home.consuming(recorder, versions=False, only=only):
        await home.send(*client.events(1, 2, 3), b"rubbish", erased(client), client.event(4))
        await home.until_applied(1)
        await home.until_read()
    [(seen,)] = await home.rows("SELECT count(*) FROM seen_events")
    assert (seen, len(await home.applied()), await home.parked()) == (1, 1, [])
