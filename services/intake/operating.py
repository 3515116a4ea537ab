"""What operators' commands about machines stand on: intake's store, without a web process."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import NamedTuple

from services.intake.directory import Directory
from services.intake.machines import Machines
from services.intake.settings import Settings
from shared.clock import utc_now
from shared.database import create_database
from shared.eventstore import EventStore
from shared.privacy import open_keyring

SERVICE = "intake"


class Operated(NamedTuple):
    """The machines of all organisations, one organisation at a time, and where to find them."""

    machines: Machines
    directory: Directory


@asynccontextmanager
async def open_machines(settings: Settings) -> AsyncGenerator[Operated]:
    """Machines to be worked on, closed at the end."""
    database = create_database(settings.database_url)
    keyring = open_keyring(create_database(settings.keys_url), settings.key_encryption_key)
    store = EventStore(database, keyring, utc_now, service=SERVICE)
    await store.start()
    try:
        yield Operated(Machines(store), Directory(database))
    finally:
        await store.stop()
        await keyring.close()
        await database.dispose()
