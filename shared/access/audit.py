"""Who looked at what of whom, and why: written before the answer leaves, and never changed.

Rows of requests that end at the same moment are written together.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from shared.clock import Clock, utc_now
from shared.database import Database, driver
from shared.ids import new_id
from shared.security.policy import Permission
from shared.security.principal import Principal
from shared.telemetry import current_trace_id

MANY = ""
"""In place of a client's id: of nobody in particular, such as a search of the audit itself."""

ROWS_A_COMMIT = 1000
"""No transaction that writes stays open for long."""


class Looked(NamedTuple):
    """One row: who did what to the data of whom, and by which right (`why`)."""

    tenant: str
    audit_id: str
    at: datetime
    principal_id: str
    principal_kind: str
    why: str
    action: str
    permission: str
    client_id: str
    trace_id: str | None


INSERT = """
INSERT INTO audit (tenant, audit_id, at, principal_id, principal_kind, why, action, permission,
    client_id, trace_id)
SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[],
    $6::text[], $7::text[], $8::text[], $9::text[], $10::text[])
"""


class AuditLog:
    """Writes the rows of one service."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self.database = database
        self._clock = clock
        self._waiting: list[Looked] = []
        self._next: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()

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
        now, trace_id = self._clock(), current_trace_id()
        rows = [
            Looked(
                principal.tenant,
                new_id(),
                now,
                principal.id,
                principal.kind,
                why,
                action,
                permission.name,
                client_id,
                trace_id,
            )
            for client_id in client_ids
        ]
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
        async with self.database.session(*sorted({row.tenant for row in rows})) as conn:
            await driver(conn).execute(INSERT, *zip(*rows, strict=True))
