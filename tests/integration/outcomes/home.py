"""Outcomes on a real database, fed without Kafka: records go straight to the handlers."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from deploy.setup.databases import DatabaseUrls
from services.outcomes.assessor import Assessor
from services.outcomes.projector import Projector
from services.outcomes.rows import StaleState
from services.outcomes.views import Views
from services.outcomes.wake import Bell
from shared.consuming.records import Handler, Incoming
from shared.contracts import Event, Recorded, decode, envelope_bytes
from shared.database import Database, create_database
from shared.eventstore import EventStore
from shared.measures import default_rules
from shared.migrations import upgrade
from shared.privacy import Keyring, migrate_keys, seal
from shared.privacy.table import PostgresKeyTable
from tests.conftest import MakeDatabase


@dataclass
class Home:
    """The handlers of outcomes and what they stand on."""

    urls: DatabaseUrls
    database: Database
    reader: Database
    keyring: Keyring
    store: EventStore
    projector: Projector
    assessor: Assessor
    views: Views
    offsets: dict[str, int] = field(default_factory=dict)

    async def records(self, events: Sequence[Recorded[Event]]) -> list[Incoming]:
        """The events as they would come out of Kafka."""
        await self.keyring.create({(event.tenant, event.subject) for event in events})
        return [await self._record(event) for event in events]

    async def project(self, *events: Recorded[Event]) -> None:
        """Hand the events to the projector as one batch."""
        await self.handle(self.projector, await self.records(events))

    async def assess(self, *events: Recorded[Event]) -> None:
        """Hand the events to the assessor as one batch."""
        await self.handle(self.assessor, await self.records(events))

    async def live(self, *events: Recorded[Event]) -> None:
        """One event after another through both, and what the assessor says through the first."""
        for event in events:
            await self.project(event)
            await self.assess(event)
        episodes = {
            (e.tenant, f"assessment-{e.data.episode_id}")
            for e in events
            if hasattr(e.data, "episode_id")
        }
        for tenant, stream in sorted(episodes):
            said = await self.store.read(tenant, stream, after=self.offsets.get(stream, 0))
            self.offsets[stream] = self.offsets.get(stream, 0) + len(said)
            await self.project(*said)

    async def handle(self, handler: Handler, batch: Sequence[Incoming]) -> None:
        """As the kernel does it: what is only stale is begun again."""
        try:
            await self.once(handler, batch)
        except StaleState:
            await self.once(handler, batch)

    async def once(self, handler: Handler, batch: Sequence[Incoming]) -> None:
        """One transaction, in the order in which the kernel does it."""
        tenants = sorted({one.envelope.tenant for one in batch})
        async with self.database.session(*tenants) as conn:
            plan = await handler.prepare(conn, batch)
            if plan.writes:
                await self.store.write_in(conn, plan.writes)
            await plan.apply(conn)
        await plan.committed()

    async def _record(self, event: Recorded[Event]) -> Incoming:
        ref = (event.tenant, event.subject)
        cipher = (await self.keyring.load([ref]))[ref]
        data = seal(event.data, cipher, tenant=event.tenant, stream=event.stream, event_id=event.id)
        raw = envelope_bytes(
            event_type=event.data.type,
            event_id=event.id,
            subject=event.subject,
            recorded_at=event.recorded_at,
            tenant=event.tenant,
            stream=event.stream,
            version=event.version,
            epoch=event.epoch,
            position=event.position,
            schema_version=event.data.version,
            correlation_id=event.correlation_id,
            causation_id=event.causation_id,
            traceparent=event.traceparent,
            data=data,
        )
        return Incoming("topic", 0, 0, raw, decode(raw))


@asynccontextmanager
async def open_home(make_database: MakeDatabase, redis_url: str) -> AsyncIterator[Home]:
    """Outcomes on fresh databases."""
    urls, keys = await asyncio.gather(make_database(), make_database())
    await upgrade("outcomes", urls.owner)
    await migrate_keys(keys.owner)
    database, reader, key_database = map(create_database, (urls.app, urls.reader, keys.app))
    keyring = Keyring(PostgresKeyTable(key_database), b"k" * 32)
    store = EventStore(database, keyring, service="outcomes")
    bell = Bell(redis_url)
    try:
        yield Home(
            urls,
            database,
            reader,
            keyring,
            store,
            Projector(keyring, bell),
            Assessor(keyring, default_rules()),
            Views(database, keyring),
        )
    finally:
        await bell.close()
        for one in (database, reader, key_database):
            await one.dispose()
