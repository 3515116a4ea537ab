"""Who looked at what of whom, and why: written before the answer leaves, and never changed.

Rows of requests that end at the same moment are written together.
"""

import asyncio
from collections.abc import Iterable, Sequence

from shared.clock import Clock, utc_now
from shared.database import Database
from shared.security.looked import Looked, looked_at, looked_call, looked_columns
from shared.security.policy import Permission
from shared.security.principal import Principal

__all__ = ["MANY", "AuditLog", "Looked"]

MANY = ""
"""In place of a client's id: of nobody in particular, such as a search of the audit itself."""

ROWS_A_COMMIT = 1000
"""No transaction that writes stays open for long."""


INSERT = f"SELECT access_looked(NULL, NULL, {looked_call(1)})"


class AuditLog:
    """Writes the rows of one service."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self.database = database
        self._clock = clock
        self._waiting: list[Looked] = []
        self._next: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()

    def rows(
        self,
        principal: Principal,
        permission: Permission,
        action: str,
        client_ids: Iterable[str],
        *,
        why: str,
    ) -> list[Looked]:
        """What would be written, for a write that takes it along (`Write.looked`)."""
        now = self._clock()
        return looked_at(principal, permission, action, client_ids, why=why, now=now)

    async def record(
        self,
        principal: Principal,
        permission: Permission,
        action: str,
        client_ids: Iterable[str],
        *,
        why: str,
    ) -> None:
        """Write that `principal` used `permission` on these clients; returns once it is durable.

        `action` is method and route, never a path with what callers put into it. Raises
        `Unavailable` where it cannot be written: then nothing may be answered.
        """
        rows = self.rows(principal, permission, action, client_ids, why=why)
        if not rows:
            return
        self._waiting += rows
        if self._next is None:
            self._next = asyncio.create_task(self._write())
        # Whoever hangs up in between has looked all the same.
        await asyncio.shield(self._next)

    async def _write(self) -> None:
        # While others are written, more come and go together.
        async with self._writing:
            rows, self._waiting, self._next = self._waiting, [], None
            for start in range(0, len(rows), ROWS_A_COMMIT):
                await self._commit(rows[start : start + ROWS_A_COMMIT])

    async def _commit(self, rows: Sequence[Looked]) -> None:
        # One statement that sets its own tenants: a transaction around it took four times as long.
        async with self.database.raw() as conn:
            await conn.execute(INSERT, *looked_columns(rows))
