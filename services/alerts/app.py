"""The composition root of alerts: everything is wired here, by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from sqlalchemy import text

from services.alerts.api import alerts, stream
from services.alerts.api.context import Context
from services.alerts.bell import Bell
from services.alerts.handlers import SERVICE, Alerts
from services.alerts.live.hub import Hub
from services.alerts.live.log import Log
from services.alerts.settings import Settings
from shared.database import create_database
from shared.eventstore import EventStore
from shared.privacy import open_keyring
from shared.security import JwksUrl, TokenVerifier
from shared.web import create_api


def create_app(settings: Settings) -> FastAPI:
    """The web process of alerts."""
    database = create_database(settings.database_url)
    keyring = open_keyring(create_database(settings.keys_url), settings.key_encryption_key)
    store = EventStore(database, keyring, service=SERVICE)
    bell = Bell(settings.redis_url)
    log = Log(database)
    hub = Hub(log, settings.redis_url)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await store.start()
        await hub.start()
        yield
        await hub.stop()
        await store.stop()
        await bell.close()
        await keyring.close()
        await database.dispose()

    async def ready() -> None:
        async with database.session() as conn:
            await conn.execute(text("SELECT 1"))

    app = create_api(
        SERVICE,
        title="Heroic alerts",
        routers=[alerts.router, stream.router],
        lifespan=lifespan,
        verifier=TokenVerifier(JwksUrl(settings.effective_jwks_url), settings.issuer),
        ready=ready,
    )
    app.state.context = Context(database, store, Alerts(database, store, bell), log, hub)
    return app
