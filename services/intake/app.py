"""The composition root of intake: everything is wired here, by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from redis.asyncio import Redis

from services.intake.api import (
    bulk,
    clients,
    episodes,
    export,
    integrations,
    oauth,
    oauth_errors,
    organisation,
    related,
    sign_ins,
    staff,
    wellknown,
)
from services.intake.api.export import IntakeArchivist
from services.intake.assertions import UsedAssertions
from services.intake.directory import Directory
from services.intake.erasure import api as erasure
from services.intake.erasure.commands import Erasures
from services.intake.erasure.confirming import confirming_consumer
from services.intake.erasure.executing import Executor
from services.intake.handlers import Handlers
from services.intake.machines import Machines
from services.intake.organisations import Organisations
from services.intake.pages import clients as client_pages
from services.intake.pages import links as link_pages
from services.intake.pages import me as own_pages
from services.intake.pages import provider as provider_pages
from services.intake.pages import signing_in as sign_in_pages
from services.intake.people.signing_in import SigningIn
from services.intake.rate_limit import RateLimiter
from services.intake.reach import Reach
from services.intake.settings import Settings
from services.intake.staff import Staff
from shared.access import Access, AccessHandler, AuditLog, Gate, access_group
from shared.clock import utc_now
from shared.consuming import Consumer, create_broker
from shared.database import create_database
from shared.eventstore import EventStore
from shared.privacy import open_keyring
from shared.relay import Relay
from shared.security import SigningKeyFile, TokenIssuer, TokenVerifier
from shared.topics import topic
from shared.web import create_api
from shared.web.export import Exports
from shared.web.html import assets
from shared.worker import Worker

SERVICE = "intake"
REDIS_SECONDS = 0.25
"""A slow Redis is an absent one: it only shares counts that are also kept here."""


def create_app(settings: Settings) -> FastAPI:
    """The web process of intake."""
    database = create_database(settings.database_url)
    keyring = open_keyring(create_database(settings.keys_url), settings.key_encryption_key)
    store = EventStore(database, keyring, utc_now, service=SERVICE)
    signing_keys = SigningKeyFile(Path(settings.signing_keys))
    redis = _redis(settings.redis_url)
    gate = Gate(database)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await store.start()
        gate.start()
        yield
        await gate.stop()
        await store.stop()
        await keyring.close()
        await database.dispose()
        if redis is not None:
            await redis.aclose()

    app = create_api(
        SERVICE,
        title="Heroic intake",
        routers=[
            oauth.router,
            wellknown.router,
            clients.router,
            related.router,
            episodes.router,
            bulk.router,
            organisation.router,
            staff.router,
            integrations.router,
            erasure.router,
            export.router,
            sign_ins.router,
            sign_in_pages.router,
            provider_pages.router,
            link_pages.router,
            client_pages.router,
            own_pages.router,
            assets,
        ],
        lifespan=lifespan,
        # The issuer knows its own keys: nothing is asked of anybody.
        verifier=TokenVerifier(signing_keys, settings.issuer),
        ready=store.check,
        gate=gate,
        access=(access := Access(database)),
        audit=AuditLog(database),
        settings=settings,
    )
    oauth_errors.install(app)
    app.state.handlers = handlers = Handlers(store, keyring, utc_now, database)
    app.state.exports = Exports(SERVICE, database, keyring, IntakeArchivist(database))
    app.state.erasures = Erasures(database, store, utc_now)
    app.state.reach = Reach(access, database)
    app.state.organisations = Organisations(store, keyring)
    app.state.machines = Machines(store)
    app.state.directory = Directory(database)
    app.state.staff = Staff(store, database, handlers, utc_now)
    app.state.used_assertions = UsedAssertions(database)
    app.state.public_url = settings.issuer
    app.state.at_root = wellknown.AT_ROOT
    app.state.token_endpoint = f"{settings.issuer}/intake/oauth/token"
    app.state.signing_keys = signing_keys
    app.state.issuer = TokenIssuer(signing_keys, settings.issuer)
    app.state.limiter = RateLimiter(redis)
    app.state.signing_in = SigningIn.wire(
        store=store,
        keyring=keyring,
        database=database,
        issuer=app.state.issuer,
        limiter=app.state.limiter,
        clock=utc_now,
        public_url=settings.issuer,
        sample_links=settings.sample_sign_in,
    )
    return app


def _redis(url: str) -> Redis | None:
    if not url:
        return None
    return Redis.from_url(url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS)


def create_worker(settings: Settings) -> Worker:
    """The worker process of intake: its relay, who reaches whom, as every service keeps it, and
    the erasures that are due."""
    database, reader = create_database(settings.database_url), create_database(settings.reader_url)
    keyring = open_keyring(create_database(settings.keys_url), settings.key_encryption_key)
    store = EventStore(database, keyring, utc_now, service=SERVICE)
    broker = create_broker(settings.kafka)
    access = Consumer(
        group=access_group(SERVICE),
        topics=[topic(SERVICE)],
        handler=AccessHandler(),
        database=database,
        store=None,
        broker=broker,
        tombstones=True,
    )
    return Worker(
        SERVICE,
        relay=Relay(SERVICE, settings.reader_url, settings.kafka),
        broker=broker,
        consumers=[access, confirming_consumer(database, broker)],
        beside={"erasures": Executor(database, reader, store, keyring, utc_now).run},
        closing=[keyring.close, reader.dispose, database.dispose],
    )


@asynccontextmanager
async def open_organisations(settings: Settings) -> AsyncIterator[Organisations]:
    """What operators' commands need: organisations and their integrations."""
    database = create_database(settings.database_url)
    keyring = open_keyring(create_database(settings.keys_url), settings.key_encryption_key)
    store = EventStore(database, keyring, utc_now, service=SERVICE)
    await store.start()
    try:
        yield Organisations(store, keyring)
    finally:
        await store.stop()
        await keyring.close()
        await database.dispose()
