"""The databases of operators' commands: from the environment, else of a local installation."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import NamedTuple

from deploy.cli.installation import Chosen
from deploy.local.home import Home
from deploy.setup import databases
from services.intake.settings import Settings
from shared.database import Database, create_database
from shared.eventstore import EventStore
from shared.privacy import Keyring, open_keyring

CONNECTIONS = 1


def home_of(chosen: Chosen) -> Home:
    """The home of the local installation that `up.json` is of."""
    return Home(chosen.up_file.parent)


def urls(chosen: Chosen, database: str) -> databases.DatabaseUrls:
    """The DSNs of one database of the local installation."""
    return databases.urls(
        chosen.up().postgres["intake"], home_of(chosen).secrets().role_passwords, database
    )


def intake_settings(chosen: Chosen) -> Settings:
    """What intake's own commands need."""
    if "HEROIC_INTAKE_DATABASE_URL" in os.environ:
        return Settings()
    keys_url, key_encryption_key = key_settings(chosen)
    return Settings(
        database_url=urls(chosen, "heroic_intake").app,
        keys_url=keys_url,
        key_encryption_key=key_encryption_key,
        public_url=chosen.up().base_url,
    )


def key_settings(chosen: Chosen) -> tuple[str, str]:
    """Where the clients' keys are, and the keys (base64) that they are wrapped with."""
    given = Settings()
    if given.keys_url and given.key_encryption_key:
        return given.keys_url, given.key_encryption_key
    return urls(chosen, "heroic_keys").app, home_of(chosen).secrets().key_encryption_key


class Operated(NamedTuple):
    """A service's store as operators work on it: for one organisation, in the role of the app."""

    tenant: str
    database: Database
    store: EventStore
    keyring: Keyring


@asynccontextmanager
async def operated(chosen: Chosen, service: str) -> AsyncGenerator[Operated]:
    """The store of `service` and the keys, closed at the end; the store has yet to be started."""
    tenant = chosen.organisation or chosen.site().organisation.id
    given = os.environ.get(f"HEROIC_{service.upper()}_DATABASE_URL")
    url = given or urls(chosen, f"heroic_{service}").app
    database = create_database(url, pool_size=CONNECTIONS)
    keys_url, key_encryption_key = key_settings(chosen)
    keyring = open_keyring(create_database(keys_url, pool_size=CONNECTIONS), key_encryption_key)
    try:
        yield Operated(tenant, database, EventStore(database, keyring, service=service), keyring)
    finally:
        await keyring.close()
        await database.dispose()


def reader(chosen: Chosen, service: str) -> Database:
    """The database of `service` in the role that sees every tenant."""
    given = os.environ.get(f"HEROIC_{service.upper()}_READER_URL")
    return create_database(given or urls(chosen, f"heroic_{service}").reader, pool_size=CONNECTIONS)
