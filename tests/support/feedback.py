"""The web application of feedback in this process, on fresh databases, with tokens of its own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import msgspec
import uvicorn
from fastapi import FastAPI

from deploy.local.ports import LOOPBACK, free_ports
from deploy.setup.databases import DatabaseUrls
from services.feedback.app import create_app
from services.feedback.consumers import GROUP, CarePlan
from services.feedback.settings import Settings
from shared.access import access_group
from shared.access.handler import AccessPlan, take
from shared.contracts import Event, Recorded
from shared.contracts.intake import EpisodeClosed, EpisodeOpened
from shared.contracts.people import PrincipalKind, StaffRole
from shared.database import Database, create_database, driver
from shared.ids import new_id
from shared.migrations import upgrade
from shared.privacy import Keyring, migrate_keys, open_keyring
from shared.security import SCOPES, Principal, SigningKeys, TokenIssuer, TokenVerifier
from shared.topics import PARTITIONS, topic
from tests.conftest import MakeDatabase
from tests.support.waiting import eventually_async

OPENED = datetime(2026, 1, 1, tzinfo=UTC)
KEY_ENCRYPTION_KEY = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
ISSUER = "http://127.0.0.1:8080"
SIGNING = SigningKeys.generate()


CAUGHT_UP = """
INSERT INTO consumer_checkpoints (group_name, topic, partition, topic_id, next_offset, through)
SELECT $1, $2, partition, '', 0, $4 FROM generate_series(0, $3 - 1) AS partition
ON CONFLICT (group_name, topic, partition) DO UPDATE SET through = excluded.through
"""


@dataclass(frozen=True)
class Databases:
    """Migrated databases of feedback and of keys."""

    feedback: DatabaseUrls
    keys: DatabaseUrls


async def migrated(make_database: MakeDatabase) -> Databases:
    """Fresh databases with their tables."""
    feedback, keys = await asyncio.gather(make_database(), make_database())
    await upgrade("feedback", feedback.owner)
    await migrate_keys(keys.owner)
    return Databases(feedback, keys)


def settings_for(databases: Databases, **others: Any) -> Settings:
    """The settings of a web process on `databases`."""
    return Settings(
        database_url=databases.feedback.app,
        keys_url=databases.keys.app,
        key_encryption_key=KEY_ENCRYPTION_KEY,
        public_url=ISSUER,
        **others,
    )


@dataclass
class Feedback:
    """A running application, and one organisation that calls it."""

    app: FastAPI
    http: httpx.AsyncClient
    database: Database
    keyring: Keyring
    tenant: str = field(default_factory=new_id)
    principal: str = field(default_factory=new_id)
    kind: PrincipalKind = "integration"
    roles: frozenset[StaffRole] = frozenset()

    def token(self, *scopes: str, tenant: str = "") -> str:
        """A token for `scopes` (all unless named)."""
        principal = Principal(
            tenant=tenant or self.tenant,
            id=self.principal,
            kind=self.kind,
            scopes=frozenset(scopes or SCOPES) if self.kind == "integration" else frozenset(),
            roles=self.roles,
        )
        return TokenIssuer(SIGNING, ISSUER).issue(principal)

    def person(self, id_: str, *roles: StaffRole) -> "Feedback":
        """The service as a member of staff of the organisation calls it."""
        return replace(self, principal=id_, kind="person", roles=frozenset(roles))

    def client(self, id_: str) -> "Feedback":
        """The service as a client calls it, or somebody who is related to one."""
        return replace(self, principal=id_, kind="client")

    def headers(self, **others: str) -> dict[str, str]:
        """The headers of a call in the organisation's name."""
        named = {name.replace("_", "-"): value for name, value in others.items()}
        return {"Authorization": f"Bearer {self.token()}", **named}

    async def episode(self, *, external_id: str | None = None, **changes: Any) -> str:
        """The id of an episode that intake has opened, of a client of its own."""
        [episode_id] = await self.episodes(1, external_ids=[external_id], **changes)
        return episode_id

    async def episodes(
        self, count: int, *, external_ids: list[str | None] | None = None, **changes: Any
    ) -> list[str]:
        """As many of them."""
        names = external_ids or [None] * count
        return await care_for(self.database, self.keyring, self.tenant, names, **changes)

    async def close_episode(self, episode_id: str, closed_at: datetime) -> None:
        """Let intake have closed it."""
        await self.apply(
            EpisodeClosed(
                episode_id=episode_id, client_id=new_id(), closed_at=closed_at, ending="planned"
            )
        )

    async def apply(self, *events: Event) -> None:
        """Let the consumer have seen these."""
        await apply(self.database, self.tenant, *events)

    async def know(self, *events: Event, at: datetime | None = None) -> None:
        """Let the consumer that keeps who reaches whom have seen these, recorded `at` (now)."""
        plan = AccessPlan()
        for event in events:
            take(plan, recorded(self.tenant, event, at or datetime.now(UTC)))
        async with self.database.session(self.tenant) as conn:
            await plan.apply(conn)

    async def caught_up(self, through: datetime | None = None) -> None:
        """Let the consumer have processed everything through that time; far ahead unless given."""
        through = through or datetime.now(UTC) + timedelta(days=1)
        async with self.database.session() as conn:
            for group in (GROUP, access_group("feedback")):
                await driver(conn).execute(CAUGHT_UP, group, topic("intake"), PARTITIONS, through)

    async def post(self, path: str, body: object, **headers: str) -> httpx.Response:
        """A call with a JSON body."""
        return await self.http.post(path, json=body, headers=self.headers(**headers))

    async def submit(
        self, episode_id: str | None, query: str = "", **fields: Any
    ) -> httpx.Response:
        """Submit a rating; an ORS total of 20 unless `fields` say otherwise."""
        body = {
            "episode_id": episode_id,
            "measure": "ors",
            "occurred_at": "2026-02-01T10:00:00Z",
            "total": 20.0,
        }
        body = {name: value for name, value in (body | fields).items() if value is not None}
        return await self.post(f"/v1/ratings{query}", body)

    async def bulk(self, lines: list[dict[str, Any]], query: str = "") -> list[dict[str, Any]]:
        """Send lines; the outcome of each."""
        answer = await self.http.post(
            f"/v1/ratings/bulk{query}",
            content=b"\n".join(map(msgspec.json.encode, lines)),
            headers=self.headers(Content_Type="application/x-ndjson"),
        )
        assert answer.status_code == 200, answer.text
        return [msgspec.json.decode(line) for line in answer.content.splitlines()]

    async def registered(self) -> None:
        """Let intake have registered the organisation: it has a key of its own."""
        await self.keyring.create([(self.tenant, self.tenant)])

    async def get(self, path: str) -> httpx.Response:
        """A call that reads."""
        return await self.http.get(path, headers=self.headers())

    async def said_of(self, measure: str) -> list[Event]:
        """What the organisation has said of a measure."""
        store = self.app.state.commands._homes._store
        return [one.data for one in await store.read(self.tenant, f"measure-{measure}")]

    async def events(self, episode_id: str) -> list[Recorded[Event]]:
        """What the stream of the episode's ratings holds."""
        store = self.app.state.commands._homes._store
        found: list[Recorded[Event]] = await store.read(self.tenant, f"feedback-{episode_id}")
        return found

    async def count(self, table: str = "events") -> int:
        """How many rows of the organisation there are."""
        async with self.database.session(self.tenant) as conn:
            # The name is one of ours.
            query = f"SELECT count(*) FROM {table}"  # noqa: S608
            return int(await driver(conn).fetchval(query))


async def care_for(
    database: Database,
    keyring: Keyring,
    tenant: str,
    external_ids: Sequence[str | None],
    **changes: Any,
) -> list[str]:
    """The ids of episodes that intake has opened, each of a client of its own."""
    hasher = await keyring.hasher(tenant)
    opened = [
        EpisodeOpened(
            **{
                "episode_id": new_id(),
                "client_id": new_id(),
                "age_group": "adult",
                "opened_at": OPENED,
                "external_hash": hasher.hash("episode", name) if name else None,
                **changes,
            }
        )
        for name in external_ids
    ]
    await keyring.create((tenant, one.client_id) for one in opened)
    await apply(database, tenant, *opened)
    return [one.episode_id for one in opened]


def recorded(tenant: str, event: Event, at: datetime) -> Recorded[Event]:
    """The event as a consumer gets it."""
    return Recorded(
        id=new_id(),
        tenant=tenant,
        subject=tenant,
        stream="",
        version=1,
        recorded_at=at,
        epoch=1,
        position=1,
        correlation_id="",
        causation_id=None,
        traceparent=None,
        data=event,
    )


async def apply(database: Database, tenant: str, *events: Event) -> None:
    """Let the consumer of feedback have seen these."""
    plan = CarePlan()
    for event in events:
        plan.take(tenant, event)
    async with database.session(tenant) as conn:
        await plan.apply(conn)


@asynccontextmanager
async def open_feedback(databases: Databases) -> AsyncIterator[Feedback]:
    """The application, started; calls go straight into it."""
    app = create_app(settings_for(databases))
    app.state.verifier = TokenVerifier(SIGNING, ISSUER)
    keys = create_database(databases.keys.app)
    database = create_database(databases.feedback.app)
    keyring = open_keyring(keys, KEY_ENCRYPTION_KEY)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://feedback") as http,
    ):
        yield Feedback(app, http, database, keyring)
    await database.dispose()
    await keys.dispose()


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """The base URL of a real server in this process for an application that is running already."""
    [port] = free_ports(1)
    server = uvicorn.Server(
        uvicorn.Config(app, host=LOOPBACK, port=port, access_log=False, lifespan="off")
    )
    serving = asyncio.create_task(server.serve())
    await eventually_async(partial(started, server))
    yield f"http://{LOOPBACK}:{port}"
    server.should_exit = True
    await serving


async def started(server: uvicorn.Server) -> bool:
    """Whether it takes connections."""
    return server.started
