"""The feed of view changes: which clients' views changed, in an order that can be resumed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import NamedTuple

from services.outcomes.wake import Ear
from shared.database import Database, driver

POLL_SECONDS = 1.0
PAGE = 100

HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text"

# Only below the horizon: a transaction with a lower id may still be open above it, and its rows
# would be passed over for ever. `c.xid` is spelt out, for `xid` alone would be the text.
PAGE_OF_CHANGES = """
SELECT c.xid::text AS xid, c.position, c.client_ids FROM view_changes AS c
WHERE c.tenant = $1 AND (c.xid, c.position) > ($2::text::xid8, $3)
    AND c.xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY c.xid, c.position LIMIT $4
"""


class Cursor(NamedTuple):
    """A place in the feed of one tenant."""

    xid: int
    position: int


class Change(NamedTuple):
    """The clients whose views one transaction changed."""

    cursor: Cursor
    client_ids: list[str]


class Feed:
    """Gives the changes of one tenant after a place, and then those that come."""

    def __init__(self, database: Database, ear: Ear) -> None:
        self._database = database
        self._ear = ear

    async def now(self, tenant: str) -> Cursor:
        """The place after all that has happened."""
        async with self._database.session(tenant) as conn:
            return Cursor(int(await driver(conn).fetchval(HORIZON)), 0)

    async def read(self, tenant: str, after: Cursor) -> list[Change]:
        """The next changes after a place."""
        async with self._database.session(tenant) as conn:
            rows = await driver(conn).fetch(
                PAGE_OF_CHANGES, tenant, str(after.xid), after.position, PAGE
            )
        return [Change(Cursor(int(row[0]), row[1]), row[2]) for row in rows]

    async def follow(self, tenant: str, after: Cursor) -> AsyncIterator[Change]:
        """All changes after a place, for ever; holds no connection while it waits."""
        while True:
            ring = self._ear.next_ring()
            changes = await self.read(tenant, after)
            for change in changes:
                yield change
                after = change.cursor
            if not changes:
                with suppress(TimeoutError):
                    await asyncio.wait_for(ring.wait(), POLL_SECONDS)
