"""A running event store on a fresh database, and events to put into it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.setup.databases import DatabaseUrls
from shared.contracts.feedback import RatingContent, RatingSubmitted
from shared.database import Database, create_database
from shared.eventstore import Append, EventStore, IdempotencyKey, NewEvent, Write
from shared.ids import new_id
from shared.migrations import upgrade_from
from shared.privacy import Keyring, migrate_keys
from shared.privacy.table import PostgresKeyTable
from tests.conftest import MakeDatabase
from tests.support.keyring import WRAPPING_KEY

MIGRATIONS = Path(__file__).with_name("migrations")
WHEN = datetime(2026, 1, 5, 9, tzinfo=UTC)


@dataclass
class Home:
    """A store with its database and keys; `tenant` and `client` have a key already."""

    urls: DatabaseUrls
    database: Database
    keyring: Keyring
    store: EventStore
    tenant: str
    client: str

    async def new_client(self, tenant: str | None = None) -> str:
        """The id of a client with a key."""
        client = new_id()
        await self.keyring.create([(tenant or self.tenant, client)])
        return client

    def ratings(
        self,
        stream: str,
        *,
        expected: int = 0,
        count: int = 1,
        tenant: str | None = None,
        client: str | None = None,
    ) -> Append:
        """`count` ratings for `stream`."""
        client = client or self.client
        return Append(
            tenant=tenant or self.tenant,
            stream=stream,
            expected=expected,
            events=[rating(client) for _ in range(count)],
            subject=client,
            secret_of=client,
        )

    def write(self, *streams: str, expected: int = 0, count: int = 1, key: str = "") -> Write:
        """A write of `count` ratings for each of `streams`; with `key` it may be repeated."""
        named = IdempotencyKey(principal="somebody", key=key, request_hash=b"request")
        return Write(
            tenant=self.tenant,
            appends=[self.ratings(one, expected=expected, count=count) for one in streams],
            idempotency=named if key else None,
            response=b'{"id": "' + new_id().encode() + b'"}',
            secret_of=self.client,
        )


def rating(client: str, total: int = 234) -> NewEvent:
    """One rating of a client."""
    event_id = new_id()
    data = RatingSubmitted(
        rating_id=event_id,
        episode_id=client,
        client_id=client,
        measure="ors",
        definition_version=1,
        occurred_at=WHEN,
        private=RatingContent(total=total, note="a good week"),
    )
    return NewEvent(id=event_id, data=data)


async def migrated(make_database: MakeDatabase) -> tuple[DatabaseUrls, DatabaseUrls]:
    """A fresh database with the tables of a store, and one for keys."""
    urls, keys = await asyncio.gather(make_database(), make_database())
    await upgrade_from(MIGRATIONS, urls.owner)
    await migrate_keys(keys.owner)
    return urls, keys


@asynccontextmanager
async def other_process(home: Home) -> AsyncIterator[EventStore]:
    """Another store on the same database, as another process would have."""
    database = create_database(home.urls.app)
    store = EventStore(database, home.keyring, service="feedback")
    await store.start()
    try:
        yield store
    finally:
        await store.stop()
        await database.dispose()


@asynccontextmanager
async def open_home(urls: DatabaseUrls, keys: DatabaseUrls) -> AsyncIterator[Home]:
    """A running store in the role of the application."""
    key_database, database = create_database(keys.app), create_database(urls.app)
    keyring = Keyring(PostgresKeyTable(key_database), WRAPPING_KEY)
    store = EventStore(database, keyring, service="feedback")
    tenant, client = new_id(), new_id()
    await keyring.create([(tenant, client)])
    await store.start()
    try:
        yield Home(urls, database, keyring, store, tenant, client)
    finally:
        await store.stop()
        await database.dispose()
        await key_database.dispose()
