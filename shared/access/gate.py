"""Whose tokens are worth nothing any more: sign-outs, revocations, roles that are gone.

Held in memory for the organisations whose tokens are in use, and read anew each second, so that
what intake has said is in force here within a second of its arrival. Tokens last five minutes:
what was said before that concerns none that is still good.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from shared.database import Database, driver
from shared.errors import Unauthenticated, Unavailable
from shared.security.tokens import LIFETIME_SECONDS, Verified

REFRESH_SECONDS = 1.0
READ_SECONDS = 2.0
"""A database that takes longer is away."""
IN_USE_SECONDS = 600.0
STALE_SECONDS = 5.0
"""So long a decision may rest on what was read before; then tokens wait for the database."""
LOOK_BACK = timedelta(seconds=LIFETIME_SECONDS + 60)

READ = """
SELECT tenant, principal_id AS id, active, extract(epoch FROM not_before)::float8 AS ended
FROM access_principals WHERE tenant = ANY ($1::text[]) AND not_before > $2
UNION ALL
SELECT tenant, session_id, true, extract(epoch FROM ended_at)::float8
FROM access_ended_sessions WHERE tenant = ANY ($1::text[]) AND ended_at > $2
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

    def __len__(self) -> int:
        """Of how many organisations it holds what has ended."""
        return len(self._tenants)

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

    async def refresh(self) -> None:
        """Read anew what has ended, of all organisations in use at once, and forget the others.

        Raises `Unavailable`; what was read before then holds until it is too old.
        """
        now = time.monotonic()
        for tenant, ended in list(self._tenants.items()):
            if now - ended.asked_at > IN_USE_SECONDS:
                del self._tenants[tenant]
        if self._tenants:
            await self._read(list(self._tenants))

    async def _read_once(self, tenant: str, ended: Ended) -> None:
        """Read of one, together with whoever asks at the same moment."""
        if ended.reading is None or ended.reading.done():
            ended.reading = asyncio.create_task(self._read([tenant]))
        await asyncio.shield(ended.reading)

    async def _read(self, tenants: Sequence[str]) -> None:
        started = time.monotonic()
        rows: defaultdict[str, dict[str, float]] = defaultdict(dict)
        inactive: defaultdict[str, set[str]] = defaultdict(set)
        try:
            async with asyncio.timeout(READ_SECONDS), self._database.session(*tenants) as conn:
                found = await driver(conn).fetch(READ, tenants, datetime.now(UTC) - LOOK_BACK)
        except TimeoutError as error:
            raise Unavailable("who has signed out cannot be known for now") from error
        for tenant, id_, active, at in found:
            rows[tenant][id_] = at
            if not active:
                inactive[tenant].add(id_)
        for tenant in tenants:
            ended = self._tenants.get(tenant)
            # What was asked for later may have come earlier.
            if ended is not None and ended.read_at < started:
                ended.at, ended.inactive = rows[tenant], frozenset(inactive[tenant])
                ended.read_at = started

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            try:
                await self.refresh()
            except Unavailable:
                # `check` asks by itself once what is known is too old.
                continue
