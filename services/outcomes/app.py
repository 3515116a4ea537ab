"""The composition root of outcomes: everything is wired here, by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.outcomes.api import clients, export, rules, stream
from services.outcomes.api.context import Context
from services.outcomes.api.export import OutcomesArchivist
from services.outcomes.assessor import GROUP as ASSESSOR
from services.outcomes.assessor import Assessor
from services.outcomes.backtest import Backtests
from services.outcomes.feed import Feed
from services.outcomes.projector import Projector
from services.outcomes.purging import PURGE
from services.outcomes.rule_commands import RuleCommands
from services.outcomes.settings import Settings
from services.outcomes.sight import Sight
from services.outcomes.views import GROUP, Views
from services.outcomes.wake import Bell, Ear
from shared.access import Access, AccessHandler, AuditLog, Gate, access_group
from shared.consuming import Consumer, create_broker
from shared.database import create_database
from shared.eventstore import EventStore
from shared.hub import Hub
from shared.measures import default_rules
from shared.privacy import open_keyring
from shared.purging import purge_consumer
from shared.relay import Relay
from shared.security import JwksUrl, TokenVerifier
from shared.topics import topic
from shared.web import create_api
from shared.web.export import Exports
from shared.worker import Worker

SERVICE = "outcomes"

WORKER_CONNECTIONS = 10
"""Two consumers, each with a few transactions at once."""

GATHER_SECONDS = 0.1
"""Views may be behind by this much, so that what comes in it costs one transaction."""

REST_SECONDS = 0.05
"""What the stream's reader rests between two looks: a page is drawn anew no more often."""


def create_app(settings: Settings) -> FastAPI:
    """The web process of outcomes."""
    database = create_database(settings.database_url)
    keyring = open_keyring(create_database(settings.keys_url), settings.key_encryption_key)
    store = EventStore(database, keyring, service=SERVICE)
    feed = Feed(database)
    gate = Gate(database)
    hub = Hub(feed, Ear(settings.redis_url), rest_seconds=REST_SECONDS)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        hub.start()
        gate.start()
        await store.start()
        yield
        await gate.stop()
        await store.stop()
        await hub.stop()
        await keyring.close()
        await database.dispose()

    async def ready() -> None:
        hub.check()
        await store.check()

    app = create_api(
        SERVICE,
        title="Heroic outcomes",
        routers=[clients.router, rules.router, stream.router, export.router],
        lifespan=lifespan,
        verifier=TokenVerifier(JwksUrl(settings.effective_jwks_url), settings.issuer),
        ready=ready,
        gate=gate,
        access=Access(database),
        audit=AuditLog(database),
        settings=settings,
    )
    app.state.exports = Exports(SERVICE, database, keyring, OutcomesArchivist(database))
    app.state.context = Context(
        database=database,
        views=Views(database, keyring),
        feed=feed,
        hub=hub,
        sight=Sight(database),
        rules=RuleCommands(store),
        backtests=Backtests(database, keyring),
    )
    return app


def create_worker(settings: Settings) -> Worker:
    """The worker process of outcomes: its relay, the projector and the assessor."""
    database = create_database(settings.database_url, pool_size=WORKER_CONNECTIONS)
    keyring = open_keyring(create_database(settings.keys_url), settings.key_encryption_key)
    store = EventStore(database, keyring, service=SERVICE)
    bell = Bell(settings.redis_url)
    broker = create_broker(settings.kafka)
    said = [topic("intake"), topic("feedback")]
    projector = Consumer(
        group=GROUP,
        topics=[*said, topic("outcomes")],
        handler=Projector(keyring, bell),
        database=database,
        store=None,
        broker=broker,
        tombstones=True,
        max_records=1_000,
        gather_seconds=GATHER_SECONDS,
    )
    assessor = Consumer(
        group=ASSESSOR,
        topics=said,
        handler=Assessor(keyring, default_rules()),
        database=database,
        store=store,
        broker=broker,
        tombstones=True,
        gather_seconds=GATHER_SECONDS,
    )
    access = Consumer(
        group=access_group(SERVICE),
        topics=[topic("intake")],
        handler=AccessHandler(),
        database=database,
        store=None,
        broker=broker,
        tombstones=True,
    )
    purge = purge_consumer(PURGE, database=database, store=store, keyring=keyring, broker=broker)
    return Worker(
        SERVICE,
        relay=Relay(SERVICE, settings.reader_url, settings.kafka),
        broker=broker,
        consumers=[projector, assessor, access, purge],
        closing=[bell.close, keyring.close, database.dispose],
    )
