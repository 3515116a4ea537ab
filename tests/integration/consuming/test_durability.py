"""Which transactions wait for the disk: those that somebody was told of, and no others."""

from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.consuming import Consumer, Incoming, Plan, create_broker
from shared.contracts.feedback import RatingDeclined
from shared.eventstore import Append, EventStore, NewEvent, Write
from shared.ids import new_id
from shared.privacy import Keyring
from tests.conftest import MakeDatabase
from tests.integration.consuming.home import WHEN, Client, Home, migrated, open_home
from tests.support.keyring import WRAPPING_KEY, MemoryKeyTable

# A deferred trigger runs at the commit, when nothing can change any more how that will be done.
WITNESS = """
CREATE TABLE witnessed (seq int GENERATED ALWAYS AS IDENTITY, synchronous_commit text);
CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO witnessed (synchronous_commit) VALUES (current_setting('synchronous_commit'));
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER witness AFTER UPDATE OF next_offset ON consumer_checkpoints
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION witness();
"""


class Deriver:
    """Derives an event of a stream of its own from each event, or nothing."""

    def __init__(self, *, derives: bool) -> None:
        self._derives = derives

    async def prepare(self, conn: AsyncConnection, events: Sequence[Incoming]) -> Plan:
        """What follows from `events`."""
        plan = Plan()
        if self._derives:
            plan.writes = [derived(one.envelope.tenant) for one in events]
        return plan


def derived(tenant: str) -> Write:
    """The first event of a new stream."""
    subject = new_id()
    data = RatingDeclined(episode_id=subject, client_id=subject, measure="ors", at=WHEN)
    append = Append(
        tenant=tenant,
        stream=f"feedback-{subject}",
        expected=0,
        events=[NewEvent(id=new_id(), data=data)],
        subject=subject,
        secret_of=subject,
    )
    return Write(tenant=tenant, appends=[append])


@pytest.fixture
async def watched(kafka: str, make_database: MakeDatabase) -> AsyncIterator[Home]:
    """A database of its own, that writes down how each batch is committed."""
    urls = await migrated(make_database)
    owner = await asyncpg.connect(urls.owner)
    await owner.execute(WITNESS)
    await owner.close()
    async with open_home(kafka, urls) as home:
        yield home


async def commits_of(home: Home, handler: Deriver, *, versions: bool) -> set[str]:
    """How the batches of two events were committed."""
    broker, client = create_broker(home.kafka), Client()
    store = EventStore(home.database, Keyring(MemoryKeyTable(), WRAPPING_KEY), service="toy")
    consumer = Consumer(
        group=home.group,
        topics=[home.topic],
        handler=handler,
        database=home.database,
        store=store,
        broker=broker,
        versions=versions,
    )
    await consumer.start()
    await broker.start()
    try:
        await home.send(*client.events(1, 2))
        await home.until_read()
    finally:
        await consumer.stop()
        await broker.stop()
    owner = await asyncpg.connect(home.urls.owner)
    rows = await owner.fetch("SELECT synchronous_commit FROM witnessed")
    await owner.close()
    return {row[0] for row in rows}


@pytest.mark.parametrize("versions", [True, False], ids=["in order", "each by itself"])
async def test_derived_events_are_on_the_disk_before_a_relay_can_tell_of_them(
    watched: Home, versions: bool
) -> None:
    assert await commits_of(watched, Deriver(derives=True), versions=versions) == {"on"}
    [(written,)] = await watched.rows("SELECT count(*) FROM events")
    assert written == 2


@pytest.mark.parametrize("versions", [True, False], ids=["in order", "each by itself"])
async def test_what_can_be_read_again_from_the_topic_does_not_wait_for_the_disk(
    watched: Home, versions: bool
) -> None:
    assert await commits_of(watched, Deriver(derives=False), versions=versions) == {"off"}
    [(written,)] = await watched.rows("SELECT count(*) FROM events")
    assert written == 0
