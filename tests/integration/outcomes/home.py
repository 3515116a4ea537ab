"""Outcomes on a real database behind a real web server, fed without Kafka: records go straight to
the handlers, in a transaction as the kernel's is."""

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import httpx
from fastapi import FastAPI

from deploy.setup.databases import DatabaseUrls
from services.outcomes.app import create_app
from services.outcomes.assessor import Assessor
from services.outcomes.projector import Projector
from services.outcomes.rows import StaleState
from services.outcomes.settings import Settings
from services.outcomes.views import Views
from services.outcomes.wake import Bell
from shared.access import AccessHandler
from shared.consuming.records import Handler, Incoming
from shared.contracts import Event, Recorded, decode, envelope_bytes
from shared.contracts.people import StaffRole
from shared.database import Database, create_database
from shared.eventstore import EventStore, WrongVersion
from shared.ids import new_id
from shared.measures import default_rules
from shared.migrations import upgrade
from shared.privacy import Keyring, migrate_keys, open_keyring, seal
from shared.security import SCOPES, Principal, SigningKeys, TokenIssuer, TokenVerifier
from shared.security.tokens import LIFETIME_SECONDS
from tests.conftest import MakeDatabase
from tests.support.serving import serve
from tests.unit.outcomes.story import TENANT

ISSUER = "http://heroic.test"
KEY = base64.b64encode(b"k" * 32).decode()


@dataclass
class Home:
    """The handlers of outcomes, what they stand on, and the way to its HTTP."""

    urls: DatabaseUrls
    keys_url: str
    database: Database
    reader: Database
    keyring: Keyring
    store: EventStore
    projector: Projector
    assessor: Assessor
    access: AccessHandler
    views: Views
    issuer: TokenIssuer
    app: FastAPI
    base_url: str
    offsets: dict[str, int] = field(default_factory=dict)

    def http(
        self,
        tenant: str = TENANT,
        scopes: Sequence[str] = SCOPES,
        *,
        seconds: int = LIFETIME_SECONDS,
    ) -> httpx.AsyncClient:
        """An HTTP client of an integration of `tenant`; its token lasts so long."""
        principal = Principal(
            tenant=tenant, id=new_id(), kind="integration", scopes=frozenset(scopes)
        )
        return self.as_(principal, seconds=seconds)

    def person(self, tenant: str, id_: str, *roles: StaffRole) -> httpx.AsyncClient:
        """An HTTP client of a member of staff."""
        return self.as_(Principal(tenant=tenant, id=id_, kind="person", roles=frozenset(roles)))

    def client(self, tenant: str, id_: str) -> httpx.AsyncClient:
        """An HTTP client of a client, or of somebody who is related to one."""
        return self.as_(Principal(tenant=tenant, id=id_, kind="client"))

    def as_(self, principal: Principal, *, seconds: int = LIFETIME_SECONDS) -> httpx.AsyncClient:
        """An HTTP client that acts as `principal`."""
        headers = {"Authorization": f"Bearer {self.issuer.issue(principal, seconds=seconds)}"}
        return httpx.AsyncClient(base_url=self.base_url, headers=headers, timeout=10)

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

    async def know(self, *events: Recorded[Event]) -> None:
        """Hand the events to the consumer that keeps who reaches whom."""
        await self.handle(self.access, await self.records(events))

    async def live(self, *events: Recorded[Event]) -> None:
        """One event after another through both, and what the assessor says through the first."""
        for event in events:
            await self.project(event)
            await self.assess(event)
        await self.project_assessments(events)

    async def project_assessments(self, events: Sequence[Recorded[Event]]) -> None:
        """Hand what the assessor said since the last time about these episodes to the projector."""
        streams = {
            (event.tenant, f"assessment-{event.data.episode_id}")
            for event in events
            if hasattr(event.data, "episode_id")
        }
        for tenant in {tenant for tenant, _ in streams}:
            names = sorted(stream for of, stream in streams if of == tenant)
            news: list[Recorded[Event]] = []
            for stream, said in (await self.store.read_many(tenant, names)).items():
                news += said[self.offsets.get(stream, 0) :]
                self.offsets[stream] = len(said)
            await self.project(*news)

    async def handle(self, handler: Handler, batch: Sequence[Incoming]) -> None:
        """As the kernel does it: what somebody else was faster with is begun again."""
        while True:
            with suppress(StaleState, WrongVersion):
                await self.once(handler, batch)
                return

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
    settings = Settings.model_validate(
        {
            "database_url": urls.app,
            "keys_url": keys.app,
            "key_encryption_key": KEY,
            "redis_url": redis_url,
            "public_url": ISSUER,
        }
    )
    signing = SigningKeys.generate()
    app = create_app(settings)
    app.state.verifier = TokenVerifier(signing, ISSUER)
    database, reader, key_database = map(create_database, (urls.app, urls.reader, keys.app))
    keyring, bell = open_keyring(key_database, KEY), Bell(redis_url)
    async with serve("outcomes", app) as base_url:
        yield Home(
            urls,
            keys.app,
            database,
            reader,
            keyring,
            EventStore(database, keyring, service="outcomes"),
            Projector(keyring, bell),
            Assessor(keyring, default_rules()),
            AccessHandler(),
            Views(database, keyring),
            TokenIssuer(signing, ISSUER),
            app,
            base_url,
        )
    await bell.close()
    await keyring.close()
    await database.dispose()
    await reader.dispose()
