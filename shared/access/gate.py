"""Whose tokens are worth nothing any more: sign-outs, revocations, roles that are gone.

Held in memory for the organisations whose tokens are in use, and read anew each second, so that
what intake has said is in force here within a second of its arrival. Tokens last five minutes:
what was said before that concerns none that is still good.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta

from shared.database import Database, driver
from shared.errors import Unauthenticated, Unavailable
from shared.security.tokens import LIFETIME_SECONDS, Verified

REFRESH_SECONDS = 1.0
IN_USE_SECONDS = 600.0
STALE_SECONDS = 5.0
"""So long a decision may rest on what was read before; then tokens wait for the database."""
LOOK_BACK = timedelta(seconds=LIFETIME_SECONDS + 60)

READ = """
SELECT principal_id AS id, active, extract(epoch FROM not_before)::float8 AS ended
FROM access_principals WHERE tenant = $1 AND not_before > $2
UNION ALL
SELECT session_id, true, extract(epoch FROM ended_at)::float8
FROM access_ended_sessions WHERE tenant = $1 AND ended_at > $2
"""


class Ended:
    """What has ended in one organisation, by principal and session; seconds since the epoch."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}
        self.inactive: frozenset[str] = frozenset()
        self.read_at = -float("inf")
        self.asked_at = 0.0
        self.reading: asyncio.Task[None] | None = None


class Gate:
    """Lets tokens pass that are still worth something."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tenants: dict[str, Ended] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to read anew each second."""
        self._task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def check(self, verified: Verified) -> None:
        """`Unauthenticated` for a token that was issued before its principal's or session's end.

        Raises `Unavailable` where that cannot be known.
        """
        principal = verified.principal
        ended = self._tenants.get(principal.tenant)
        if ended is None:
            ended = self._tenants[principal.tenant] = Ended()
        ended.asked_at = time.monotonic()
        if ended.asked_at - ended.read_at > STALE_SECONDS:
            await self._read_once(principal.tenant, ended)
        last = ended.at.get(principal.id)
        if (last is not None and verified.issued <= last) or principal.id in ended.inactive:
            raise Unauthenticated("The token has been revoked.")
        if principal.session is not None and principal.session in ended.at:
            raise Unauthenticated("The session has ended.")

    async def _read_once(self, tenant: str, ended: Ended) -> None:
        """Read, together with whoever asks at the same moment."""
        if ended.reading is None or ended.reading.done():
            ended.reading = asyncio.create_task(self._read(tenant, ended))
        await asyncio.shield(ended.reading)

    async def _read(self, tenant: str, ended: Ended) -> None:
        started = time.monotonic()
        async with self._database.session(tenant) as conn:
            rows = await driver(conn).fetch(READ, tenant, datetime.now(UTC) - LOOK_BACK)
        ended.at = {row["id"]: row["ended"] for row in rows}
        ended.inactive = frozenset(row["id"] for row in rows if not row["active"])
        ended.read_at = started

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            now = time.monotonic()
            for tenant, ended in list(self._tenants.items()):
                if now - ended.asked_at > IN_USE_SECONDS:
                    del self._tenants[tenant]
                    continue
                try:
                    await self._read_once(tenant, ended)
                except Unavailable:
                    # `check` asks by itself once what is known is too old.
                    continue
