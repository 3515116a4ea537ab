"""What the stores of an installation hold, opened with its keys as its operators could."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import asyncpg

from deploy.local.environment import KEYS_DATABASE
from deploy.local.home import Home
from deploy.setup import databases
from shared.contracts import Event, Recorded
from shared.database import create_database
from shared.eventstore.reading import open_rows
from shared.privacy import Keyring, open_keyring
from tests.support.heroic import Heroic

E = TypeVar("E", bound=Event)

OF_TYPES = "SELECT * FROM events WHERE type = ANY ($1) ORDER BY xid, position"


@dataclass
class Stores:
    """The event stores of all services."""

    dsns: dict[str, Any]
    keyring: Keyring

    async def events(self, service: str, *kinds: type[E]) -> list[Recorded[E]]:
        """All events of these kinds, in the order of the store."""
        connection = await asyncpg.connect(self.dsns[service])
        rows = await connection.fetch(OF_TYPES, [kind.type for kind in kinds])
        await connection.close()
        return cast("list[Recorded[E]]", await open_rows(rows, self.keyring, epoch=1))


@asynccontextmanager
async def open_stores(heroic: Heroic) -> AsyncIterator[Stores]:
    """Those of a running installation."""
    secrets = Home(heroic.home).secrets()
    dsns = heroic.up["postgres"]
    keys = databases.urls(dsns["outcomes"], secrets.role_passwords, KEYS_DATABASE)
    database = create_database(keys.app)
    keyring = open_keyring(database, secrets.key_encryption_key)
    yield Stores(dsns, keyring)
    await keyring.close()
    await database.dispose()
