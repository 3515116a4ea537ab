"""The composition root of feedback: everything is wired here, by hand."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.feedback.admission import Admission
from services.feedback.answers import SERVICE
from services.feedback.api import export, measures, ratings
from services.feedback.api.export import FeedbackArchivist
from services.feedback.api.lines import parse_line
from services.feedback.bulk import Bulk
from services.feedback.consumers import GROUP, CareHandler
from services.feedback.handlers import Commands
from services.feedback.measure_commands import MeasureCommands
from services.feedback.measures import Measures
from services.feedback.places import Places
from services.feedback.purging import PURGE
from services.feedback.settings import Settings
from shared.access import Access, AccessHandler, AuditLog, Gate, access_group
from shared.clock import utc_now
from shared.consuming import Consumer, create_broker
from shared.database import create_database
from shared.eventstore import EventStore
from shared.privacy import open_keyring
from shared.purging import purge_consumer
from shared.relay import Relay
from shared.security import JwksUrl, TokenVerifier
from shared.topics import topic
from shared.web import create_api
from shared.web.export import Exports
from shared.worker import Worker


def create_app(settings: Settings) -> FastAPI:
    """The web process of feedback."""
    database = create_database(settings.database_url)
    keyring = open_keyring(create_database(settings.keys_url), settings.key_encryption_key)
    store = EventStore(database, keyring, utc_now, service=SERVICE)
    places = Places(database, keyring)
    known = Measures(store)
    gate = Gate(database)
    access, audit = Access(database), AuditLog(database)
    admission = Admission(database, access, audit)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # A bulk call makes many objects that live for a moment. Looking for garbage among them
        # every 700 allocations took a third of its time.
        gc.set_threshold(100_000, 20, 100)
        await store.start()
        gate.start()
        yield
        await gate.stop()
        await store.stop()
        await keyring.close()
        await database.dispose()

    app = create_api(
        SERVICE,
        title="Heroic feedback",
        routers=[ratings.router, measures.router, export.router],
        lifespan=lifespan,
        verifier=TokenVerifier(JwksUrl(settings.effective_jwks_url), settings.issuer),
        ready=store.check,
        gate=gate,
        access=access,
        audit=audit,
        settings=settings,
    )
    app.state.exports = Exports(SERVICE, database, keyring, FeedbackArchivist(database))
    app.state.commands = Commands(database, store, keyring, places, known, admission, utc_now)
    app.state.bulk = Bulk(database, store, keyring, places, known, admission, utc_now, parse_line)
    app.state.measures = MeasureCommands(database, store, known)
    return app


def create_worker(settings: Settings) -> Worker:
    """The worker process of feedback: its relay, and who is in care according to intake."""
    database = create_database(settings.database_url)
    keyring = open_keyring(create_database(settings.keys_url), settings.key_encryption_key)
    store = EventStore(database, keyring, utc_now, service=SERVICE)
    broker = create_broker(settings.kafka)
    care = Consumer(
        group=GROUP,
        topics=[topic("intake")],
        handler=CareHandler(),
        database=database,
        store=None,
        broker=broker,
        tombstones=True,
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
        consumers=[care, access, purge],
        closing=[keyring.close, database.dispose],
    )
