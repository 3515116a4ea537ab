"""The composition root of alerts: everything is wired here, by hand."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from services.alerts.api import alerts, counts, export, stream
from services.alerts.api.context import Context
from services.alerts.api.export import AlertsArchivist
from services.alerts.bell import Bell, Ear
from services.alerts.care import CARE_GROUP, CareHandler
from services.alerts.consumers import (
    RISK_GROUP,
    RULES_GROUP,
    RiskHandler,
    RulesHandler,
)
from services.alerts.handlers import SERVICE, Alerts
from services.alerts.live.log import Log
from services.alerts.ownership import OwnershipHandler
from services.alerts.purging import PURGE
from services.alerts.reaching import Reach
from services.alerts.settings import Settings
from services.alerts.timekeeping import Timekeeper, through
from shared.access import Access, AuditLog, Gate, access_group
from shared.consuming import Consumer, create_broker
from shared.database import create_database
from shared.eventstore import EventStore
from shared.hub import Hub
from shared.privacy import open_keyring
from shared.purging import purge_consumer
from shared.relay import Relay
from shared.security import JwksUrl, TokenVerifier
from shared.topics import topic
from shared.web import create_api
from shared.web.export import Exports
from shared.worker import Worker

WORKER_CONNECTIONS = 14
"""Three consumers, each with a few transactions at once, the clock, and what they read beside
them."""

RULES_RECORDS = 200
"""Folding more series than this at a time would keep transactions open for too long."""

GATHER_SECONDS = 0.25
"""Nobody waits for a rule's alert as for that of a risk."""

REST_SECONDS = 0.002
"""What the stream's reader rests between two looks: less than anybody would notice."""


def create_app(settings: Settings) -> FastAPI:
    """The web process of alerts."""
    database = create_database(settings.database_url)
    keyring = open_keyring(create_database(settings.keys_url), settings.key_encryption_key)
    store = EventStore(database, keyring, service=SERVICE)
    bell = Bell(settings.redis_url)
    log = Log(database)
    gate, access = Gate(database), Access(database)
    hub = Hub(log, Ear(settings.redis_url), rest_seconds=REST_SECONDS)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await store.start()
        hub.start()
        gate.start()
        yield
        await gate.stop()
        await hub.stop()
        await store.stop()
        await bell.close()
        await keyring.close()
        await database.dispose()

    async def ready() -> None:
        hub.check()
        await store.check()

    app = create_api(
        SERVICE,
        title="Heroic alerts",
        routers=[alerts.router, counts.router, stream.router, export.router],
        lifespan=lifespan,
        verifier=TokenVerifier(JwksUrl(settings.effective_jwks_url), settings.issuer),
        ready=ready,
        gate=gate,
        access=access,
        audit=AuditLog(database),
        settings=settings,
    )
    app.state.exports = Exports(SERVICE, database, keyring, AlertsArchivist(database))
    app.state.context = Context(
        database, store, Alerts(database, store, bell), Reach(database, access), log, hub
    )
    return app


def create_worker(settings: Settings, *, urgent: bool = True, rules: bool = True) -> Worker:
    """A worker process of alerts. `urgent`: its relay and the risk items, and nothing that takes
    long; `rules`: what may wait."""
    database = create_database(settings.database_url, pool_size=WORKER_CONNECTIONS)
    keyring = open_keyring(create_database(settings.keys_url), settings.key_encryption_key)
    store = EventStore(database, keyring, service=SERVICE)
    bell = Bell(settings.redis_url)
    broker = create_broker(settings.kafka)
    consumers: list[Consumer] = []
    beside: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {}
    if urgent:
        risk = Consumer(
            group=RISK_GROUP,
            topics=[topic("feedback")],
            handler=RiskHandler(keyring, store, bell),
            database=database,
            store=store,
            broker=broker,
            tombstones=True,
            versions=False,
        )
        consumers.append(risk)
    if rules:
        judged = Consumer(
            group=RULES_GROUP,
            topics=[topic("outcomes")],
            handler=RulesHandler(keyring, store, bell),
            database=database,
            store=store,
            broker=broker,
            tombstones=True,
            max_records=RULES_RECORDS,
            gather_seconds=GATHER_SECONDS,
        )
        care = Consumer(
            group=CARE_GROUP,
            topics=[topic("intake"), topic("feedback")],
            handler=CareHandler(keyring),
            database=database,
            store=None,
            broker=broker,
            tombstones=True,
            gather_seconds=GATHER_SECONDS,
        )
        access = Consumer(
            group=access_group(SERVICE),
            topics=[topic("intake")],
            handler=OwnershipHandler(store, bell),
            database=database,
            store=store,
            broker=broker,
            tombstones=True,
        )
        purge = purge_consumer(
            PURGE, database=database, store=store, keyring=keyring, broker=broker
        )
        consumers += [judged, care, access, purge]
        beside["time"] = Timekeeper(database, store, bell, through(database)).run
    return Worker(
        SERVICE,
        relay=Relay(SERVICE, settings.reader_url, settings.kafka) if urgent else None,
        broker=broker,
        consumers=consumers,
        beside=beside,
        closing=[bell.close, keyring.close, database.dispose],
    )
