"""The four services behind one web server on real databases, without Kafka: events are carried by
hand from each service's table to the handlers of every worker, until there is none left."""

import asyncio
import base64
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import uvicorn
from fastapi import FastAPI

from deploy.setup.databases import DatabaseUrls
from shared.consuming import Consumer, Incoming
from shared.database import driver
from shared.eventstore.tail import START, Cursor, tail
from shared.migrations import upgrade
from shared.privacy import migrate_keys
from shared.relay import record_of
from shared.security import Principal, SigningKeys, TokenIssuer
from shared.topics import PARTITIONS, topic
from shared.web import mount
from tests.conftest import MakeDatabase
from tests.support.waiting import eventually_async

SERVICES = ("intake", "feedback", "outcomes", "alerts")
KEY = base64.b64encode(b"k" * 32).decode()
PAGE = 500
# Made once: to read whom the machine trusts takes longer than any request here.
PLAIN = ssl.create_default_context()

CAUGHT_UP = """
INSERT INTO consumer_checkpoints (group_name, topic, partition, topic_id, next_offset, through)
SELECT $1, $2, partition, '', 0, $4 FROM generate_series(0, $3 - 1) AS partition
ON CONFLICT (group_name, topic, partition) DO UPDATE SET through = excluded.through
"""


@dataclass
class Platform:
    """All services in this process, and where they are reached."""

    base_url: str
    urls: Mapping[str, DatabaseUrls]
    apps: Mapping[str, FastAPI]
    consumers: Mapping[str, list[Consumer]]
    issuer: TokenIssuer
    cursors: dict[str, Cursor] = field(default_factory=dict)

    def token(self, principal: Principal) -> str:
        """A token of the platform's for `principal`."""
        return self.issuer.issue(principal)

    def http(self, token: str | None = None) -> httpx.AsyncClient:
        """A caller with this token, or without one."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(base_url=self.base_url, headers=headers, timeout=20, verify=PLAIN)

    async def carry(self) -> None:
        """Let every worker have applied everything that has been said."""
        while any([await self._carry(service) for service in SERVICES]):
            pass

    async def _carry(self, service: str) -> int:
        connection = await asyncpg.connect(self.urls[service].reader)
        try:
            page = await tail(connection, self.cursors.get(service, START), PAGE)
        finally:
            await connection.close()
        self.cursors[service] = page.end(self.cursors.get(service, START))
        raws = [record_of(row, epoch=1).value for row in page.rows]
        for consumers in self.consumers.values():
            for consumer in consumers:
                if topic(service) in consumer.topics:
                    await hand_over(consumer, topic(service), raws)
        return len(raws)

    async def caught_up(self) -> None:
        """Let every consumer have processed everything that could yet be asked for."""
        ahead = datetime.now(UTC) + timedelta(days=1)
        for consumers in self.consumers.values():
            for consumer in consumers:
                async with consumer.database.session() as conn:
                    for name in consumer.topics:
                        await driver(conn).execute(
                            CAUGHT_UP, consumer.group, name, PARTITIONS, ahead
                        )


async def hand_over(consumer: Consumer, name: str, raws: list[bytes]) -> None:
    """Records to a group's handler, a transaction for each run of one organisation's."""
    batches = consumer._batches
    read = [consumer._work._decode(raw) for raw in raws]
    only = batches._only
    wanted = [
        Incoming(name, 0, offset, raw, envelope)
        for offset, (raw, envelope) in enumerate(zip(raws, read, strict=True))
        if not only or envelope.event_type in only
    ]
    for tenant, run in groupby(wanted, key=lambda one: one.envelope.tenant):
        async with consumer.database.session(tenant) as conn:
            plan = await batches.effects(conn, list(run))
        await batches.after_commit(plan)


@dataclass(frozen=True)
class Ground:
    """What a platform stands on: migrated databases, Redis, and the keys that sign its tokens."""

    urls: Mapping[str, DatabaseUrls]
    keys: DatabaseUrls
    redis_url: str
    signing_keys: Path


async def lay_ground(make_database: MakeDatabase, redis_url: str, folder: Path) -> Ground:
    """Fresh databases with their tables."""
    *own, keys = await asyncio.gather(*(make_database() for _ in (*SERVICES, "keys")))
    urls = dict(zip(SERVICES, own, strict=True))
    for service, found in urls.items():
        await upgrade(service, found.owner)
    await migrate_keys(keys.owner)
    path = folder / "signing-keys.json"
    SigningKeys.generate().write(path)
    return Ground(urls, keys, redis_url, path)


@asynccontextmanager
async def open_platform(ground: Ground) -> AsyncIterator[Platform]:
    """The platform, started; several may stand on the same ground."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        common = {
            "keys_url": ground.keys.app,
            "keys_owner_url": ground.keys.owner,
            "key_encryption_key": KEY,
            "redis_url": ground.redis_url,
            "public_url": base_url,
            "signing_keys": str(ground.signing_keys),
            "kafka": "127.0.0.1:9",
        }
        apps: dict[str, FastAPI] = {}
        consumers: dict[str, list[Consumer]] = {}
        async with AsyncExitStack() as closing:
            for service, found in ground.urls.items():
                settings: Any = import_module(f"services.{service}.settings").Settings
                given = settings(database_url=found.app, reader_url=found.reader, **common)
                composition: Any = import_module(f"services.{service}.app")
                apps[service] = composition.create_app(given)
                worker = composition.create_worker(given)
                consumers[service] = worker._consumers
                for close in worker._closing:
                    closing.push_async_callback(close)
            issuer = TokenIssuer(SigningKeys.read(ground.signing_keys), base_url)
            platform = Platform(base_url, ground.urls, apps, consumers, issuer)
            await platform.caught_up()
            async with serving(apps, listener):
                yield platform


@asynccontextmanager
async def serving(apps: Mapping[str, FastAPI], listener: socket.socket) -> AsyncIterator[None]:
    """The apps on a socket that is bound already."""
    config = uvicorn.Config(mount(apps), log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    # Signals are the test runner's.
    task = asyncio.create_task(server._serve(sockets=[listener]))

    async def started() -> bool:
        if task.done():
            task.result()
        return server.started

    await eventually_async(started)
    yield
    server.should_exit = True
    await task
