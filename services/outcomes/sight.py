"""Whose changes a page that stays open is told of: asked at each delivery, and not too often."""

import asyncio
from collections.abc import Collection
from time import monotonic

from sqlalchemy import ARRAY, Text, and_, bindparam, func, select

from services.outcomes.tables import access_clients
from shared.access.reach import reachable
from shared.database import Database
from shared.security.policy import Permission
from shared.security.principal import Principal

KNOWN_SECONDS = 1.0
"""So long an answer holds: with what its coming takes, access ends well within 5 s."""

MOST_KNOWN = 50_000
CONCURRENT = 2
"""Queries at a time: a hundred open pages leave connections for whoever else asks."""


class Sight:
    """Knows for a moment who sees whose changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._free = asyncio.Semaphore(CONCURRENT)
        self._known: dict[tuple[Principal, str], tuple[float, str | None]] = {}

    async def of(
        self, principal: Principal, permission: Permission, client_ids: Collection[str]
    ) -> dict[str, str]:
        """Those of the clients whom `principal` reaches now, each with the id that they go by
        since they were merged."""
        now = monotonic()
        found: dict[str, str | None] = {}
        for one in client_ids:
            at, shown = self._known.get((principal, one), (0.0, None))
            if now - at < KNOWN_SECONDS:
                found[one] = shown
        unknown = [one for one in client_ids if one not in found]
        if unknown:
            seen = await self._ask(principal, permission, unknown)
            found |= {one: seen.get(one) for one in unknown}
        return {one: shown for one in client_ids if (shown := found[one]) is not None}

    async def _ask(
        self, principal: Principal, permission: Permission, client_ids: Collection[str]
    ) -> dict[str, str]:
        changed = (
            func.unnest(bindparam("changed_ids", list(client_ids), type_=ARRAY(Text)))
            .table_valued("id")
            .render_derived(name="changed")
        )
        mine = and_(
            access_clients.c.tenant == principal.tenant, access_clients.c.client_id == changed.c.id
        )
        query = (
            select(changed.c.id, func.coalesce(access_clients.c.alias_of, changed.c.id))
            .outerjoin_from(changed, access_clients, mine)
            .where(reachable(principal, permission, "changed.id"))
        )
        async with self._free:
            asked_at = monotonic()
            async with self._database.session(principal.tenant) as conn:
                seen = {row[0]: row[1] for row in await conn.execute(query)}
        self._forget(asked_at)
        for one in client_ids:
            self._known[principal, one] = asked_at, seen.get(one)
        return seen

    def _forget(self, now: float) -> None:
        """Make room once there is much that no longer holds."""
        if len(self._known) > MOST_KNOWN:
            self._known = {
                key: one for key, one in self._known.items() if now - one[0] < KNOWN_SECONDS
            }
