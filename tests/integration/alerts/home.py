"""Alerts on real databases behind a real web server, fed without Kafka: events go straight to
the handlers, in a transaction as the consumers' is."""

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import httpx
from fastapi import FastAPI

from deploy.setup.databases import DatabaseUrls
from services.alerts.app import create_app
from services.alerts.bell import Bell
from services.alerts.care import CareHandler
from services.alerts.consumers import RiskHandler, RulesHandler
from services.alerts.ownership import OwnershipHandler
from services.alerts.settings import Settings
from services.alerts.timekeeping import Timekeeper
from shared.consuming import Handler, Incoming
from shared.contracts import Event, decode, envelope_bytes
from shared.contracts.feedback import RatingContent, RatingSubmitted, RiskFlag
from shared.contracts.outcomes import Assessment, RatingAssessed, Verdict
from shared.contracts.people import StaffRole
from shared.database import Database, create_database
from shared.eventstore import EventStore
from shared.ids import derived_id, new_id
from shared.migrations import upgrade
from shared.privacy import Keyring, migrate_keys, open_keyring, seal
from shared.security import SCOPES, Principal, SigningKeys, TokenIssuer, TokenVerifier
from shared.security.tokens import LIFETIME_SECONDS
from tests.conftest import MakeDatabase
from tests.support.serving import serve

ISSUER = "http://heroic.test"
KEY = base64.b64encode(b"k" * 32).decode()
RATED_AT = datetime.now(UTC)
"""When all ratings occurred that `assessed` speaks of, however often it does."""


@dataclass(frozen=True)
class Client:
    """A client in care, with one episode."""

    tenant: str
    id: str = field(default_factory=new_id)
    episode_id: str = field(default_factory=new_id)


@dataclass
class Home:
    """The handlers of alerts, and the way to its HTTP."""

    urls: DatabaseUrls
    settings: Settings
    database: Database
    keyring: Keyring
    store: EventStore
    risk: RiskHandler
    rules: RulesHandler
    care: CareHandler
    access: OwnershipHandler
    timekeeper: Timekeeper
    issuer: TokenIssuer
    base_url: str
    app: FastAPI
    tenant: str = field(default_factory=new_id)
    versions: dict[str, int] = field(default_factory=dict)

    def as_new_tenant(self) -> "Home":
        """The same for a tenant of which there is nothing yet."""
        return replace(self, tenant=new_id(), versions={})

    async def new_client(self, tenant: str | None = None) -> Client:
        """A client with a key."""
        client = Client(tenant or self.tenant)
        await self.keyring.create([(client.tenant, client.id)])
        return client

    def http(
        self,
        tenant: str | None = None,
        scopes: Sequence[str] = SCOPES,
        *,
        seconds: int = LIFETIME_SECONDS,
    ) -> httpx.AsyncClient:
        """An HTTP client of an integration of `tenant`; its token lasts so long."""
        principal = Principal(
            tenant=tenant or self.tenant,
            id=new_id(),
            kind="integration",
            scopes=frozenset(scopes),
        )
        return self.http_of(principal, seconds=seconds)

    def http_as(
        self, person_id: str, *roles: StaffRole, tenant: str | None = None
    ) -> httpx.AsyncClient:
        """An HTTP client of a member of staff."""
        principal = Principal(
            tenant=tenant or self.tenant, id=person_id, kind="person", roles=frozenset(roles)
        )
        return self.http_of(principal)

    def http_of(
        self, principal: Principal, *, seconds: int = LIFETIME_SECONDS
    ) -> httpx.AsyncClient:
        """An HTTP client of whomever; the token lasts so long."""
        headers = {"Authorization": f"Bearer {self.issuer.issue(principal, seconds=seconds)}"}
        return httpx.AsyncClient(base_url=self.base_url, headers=headers, timeout=10)

    async def submit(self, client: Client, *answers: int | None, **fields: Any) -> None:
        """A PHQ-9 with these answers (tenths) to its risk item comes in."""
        await self.handle(self.risk, await self.record(client, phq9(client, *answers, **fields)))

    async def assess(self, client: Client, *holds: bool, **fields: Any) -> None:
        """The rule `reliable_deterioration` is evaluated on these ratings, one after another."""
        events = [assessed(client, n, one, **fields) for n, one in enumerate(holds, 2)]
        records = [await self.record(client, event) for event in events]
        await self.handle(self.rules, *records)

    async def record(self, client: Client, event: Event, at: datetime | None = None) -> Incoming:
        """The event as it would come out of Kafka; recorded now, if nothing else is said."""
        service = event.type.split(".")[1]
        stream = f"{service}-{client.episode_id}"
        version = self.versions[stream] = self.versions.get(stream, 0) + 1
        names = {"tenant": client.tenant, "stream": stream, "event_id": new_id()}
        cipher = (await self.keyring.load([(client.tenant, client.id)]))[client.tenant, client.id]
        raw = envelope_bytes(
            event_type=event.type,
            subject=client.id,
            recorded_at=at or datetime.now(UTC),
            version=version,
            epoch=1,
            position=version,
            schema_version=event.version,
            correlation_id=new_id(),
            causation_id=None,
            traceparent=None,
            data=seal(event, cipher, **names),
            **names,
        )
        return Incoming(f"heroic.{service}.events", 0, version, raw, decode(raw))

    async def tell(self, client: Client, *events: Event, at: datetime | None = None) -> None:
        """Intake or feedback said so, one event after another, recorded at a time."""
        records = [await self.record(client, event, at) for event in events]
        for record in records:
            await self.handle(self.care, record)

    async def hear(self, client: Client, *events: Event) -> None:
        """Intake said so of who may what, in one batch."""
        await self.handle(self.access, *[await self.record(client, event) for event in events])

    async def alerts(self, client: Client, *rules: str) -> list[dict[str, Any]]:
        """The client's alerts of these rules (none: of all), the oldest first."""
        async with self.http(client.tenant) as http:
            query = {"client_id": client.id, "rule": list(rules)}
            answer = await http.get("/v1/alerts", params=query)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found[::-1]

    async def handle(self, handler: Handler, *records: Incoming) -> None:
        """Hand a batch to a handler, in a transaction as the kernel does it."""
        tenants = {record.envelope.tenant for record in records}
        async with self.database.session(*tenants) as conn:
            plan = await handler.prepare(conn, records)
            await self.store.write_in(conn, plan.writes)
            await plan.apply(conn)
        await plan.committed()


def phq9(
    client: Client,
    *answers: int | None,
    occurred_at: datetime | None = None,
    imported: bool = False,
) -> RatingSubmitted:
    """A PHQ-9 with these answers to its risk item."""
    return RatingSubmitted(
        rating_id=new_id(),
        episode_id=client.episode_id,
        client_id=client.id,
        measure="phq-9",
        definition_version=1,
        occurred_at=occurred_at or datetime.now(UTC),
        imported=imported,
        private=RatingContent(
            total=120, risk=[RiskFlag("9", "self", answer) for answer in answers]
        ),
    )


def assessed(client: Client, number: int, holds: bool, imported: bool = False) -> RatingAssessed:
    """The rating `number` of a series of ORS, and what one rule said of it."""
    return RatingAssessed(
        rating_id=derived_id(client.episode_id, str(number)),
        episode_id=client.episode_id,
        client_id=client.id,
        series=client.episode_id,
        measure="ors",
        rule_set_version=1,
        occurred_at=RATED_AT,
        rating_recorded_at=RATED_AT,
        imported=imported,
        private=Assessment(
            total=120,
            baseline=200,
            change=-80,
            ordinal=number,
            verdicts=[
                Verdict(
                    rule="reliable_deterioration",
                    rule_version=1,
                    kind="state",
                    severity="high",
                    holds=holds,
                    inputs={"baseline": 200, "latest": 120},
                    thresholds={"reliable_change": "5"},
                    text="Worse by 8 than the first rating.",
                    counterfactual="A score of 15.1 or more would not have fired.",
                )
            ],
        ),
    )


async def nobody_knows() -> datetime | None:
    """How far everything is processed: tests say themselves for which time they look."""
    return None


@asynccontextmanager
async def open_home(make_database: MakeDatabase, redis_url: str) -> AsyncIterator[Home]:
    """Alerts with a migrated database, its handlers, and its web server on a free port."""
    urls, keys = await asyncio.gather(make_database(), make_database())
    await upgrade("alerts", urls.owner)
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
    database, key_database = create_database(urls.app), create_database(keys.app)
    keyring, bell = open_keyring(key_database, KEY), Bell(redis_url)
    store = EventStore(database, keyring, service="alerts")
    await store.start()
    async with serve("alerts", app) as base_url:
        yield Home(
            urls,
            settings,
            database,
            keyring,
            store,
            RiskHandler(keyring, store, bell),
            RulesHandler(keyring, store, bell),
            CareHandler(keyring),
            OwnershipHandler(store, bell),
            Timekeeper(database, store, bell, nobody_knows),
            TokenIssuer(signing, ISSUER),
            base_url,
            app,
        )
    await bell.close()
    await store.stop()
    await keyring.close()
    await database.dispose()
