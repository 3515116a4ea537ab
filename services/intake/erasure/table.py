"""The table of requests: written in the transaction of their events, with ids and times alone."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from services.intake.erasure.domain import KEY_BACKUPS, Status

COLUMNS = """request_id, client_id, status, requested_by, requested_at, approved_by, approved_at,
    execute_at, refused_by, refused_at, restricted, executed_at, client_ids, identifiers"""


class Row(NamedTuple):
    """A request as it stands. `client_ids` are all that were erased by it."""

    request_id: str
    client_id: str
    status: Status
    requested_by: str
    requested_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    execute_at: datetime | None
    refused_by: str | None
    refused_at: datetime | None
    restricted: bool
    executed_at: datetime | None
    client_ids: Sequence[str]
    identifiers: int

    @property
    def last_key_backup_expires(self) -> datetime | None:
        """When the last backup is gone that the destroyed keys may be in."""
        return self.executed_at + KEY_BACKUPS if self.executed_at else None


class Confirmation(NamedTuple):
    """A service has nothing left of a client; `at`: since when."""

    service: str
    client_id: str
    at: datetime


class Due(NamedTuple):
    """A request that is to be executed now."""

    tenant: str
    request_id: str


ADD = """
INSERT INTO erasures (tenant, request_id, client_id, status, requested_by, requested_at)
VALUES ($1, $2, $3, 'requested', $4, $5)
"""
APPROVE = """
UPDATE erasures SET status = 'approved', approved_by = $3, approved_at = $4, execute_at = $5
WHERE tenant = $1 AND request_id = $2 AND status = 'requested'
"""
# Not any more once keys are being destroyed.
REFUSE = """
UPDATE erasures SET status = 'refused', refused_by = $3, refused_at = $4, restricted = $5
WHERE tenant = $1 AND request_id = $2 AND status IN ('requested', 'approved')
"""
BEGIN = """
UPDATE erasures SET status = 'executing'
WHERE tenant = $1 AND request_id = $2 AND execute_at <= $3 AND status IN ('approved', 'executing')
RETURNING client_id
"""
# Whoever was asked for under another id of the same person is done with as well.
EXECUTED = """
UPDATE erasures SET status = 'executed', executed_at = $4, client_ids = $3, identifiers = $5
WHERE tenant = $1 AND status IN ('requested', 'approved', 'executing')
    AND (request_id = $2 OR client_id = ANY($3::text[]))
"""
FIND = f"SELECT {COLUMNS} FROM erasures WHERE tenant = $1 AND request_id = $2"  # noqa: S608
PAGE = f"""
SELECT {COLUMNS} FROM erasures
WHERE tenant = $1 AND ($2::text[] IS NULL OR status = ANY($2)) AND ($3 = '' OR request_id < $3)
ORDER BY request_id DESC LIMIT $4
"""  # noqa: S608 - made of names that stand above
CONFIRMED = """
SELECT service, client_id, confirmed_at FROM erasure_confirmations
WHERE tenant = $1 AND client_id = ANY($2::text[]) ORDER BY confirmed_at, service, client_id
"""
CONFIRM = """
INSERT INTO erasure_confirmations (tenant, client_id, service, confirmed_at)
VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""
DUE = """
SELECT tenant, request_id FROM erasures
WHERE status IN ('approved', 'executing') AND execute_at <= $1
ORDER BY execute_at LIMIT $2
"""


async def find(conn: asyncpg.Connection, tenant: str, request_id: str) -> Row | None:
    """One request; None where there is none."""
    row = await conn.fetchrow(FIND, tenant, request_id)
    return Row(*row) if row else None


async def page(
    conn: asyncpg.Connection, tenant: str, statuses: Sequence[Status], before: str, limit: int
) -> list[Row]:
    """Requests, the newest first, of these statuses (none: of all), after the one `before`."""
    rows = await conn.fetch(PAGE, tenant, list(statuses) or None, before, limit)
    return [Row(*row) for row in rows]


async def confirmations(
    conn: asyncpg.Connection, tenant: str, client_ids: Sequence[str]
) -> list[Confirmation]:
    """Who has nothing left of these clients."""
    return [Confirmation(*row) for row in await conn.fetch(CONFIRMED, tenant, list(client_ids))]


async def due(conn: asyncpg.Connection, now: datetime, limit: int) -> list[Due]:
    """What is to be executed, whoever the tenant is: for the role that sees them all."""
    return [Due(*row) for row in await conn.fetch(DUE, now, limit)]
