"""What was written down, as those see it who ask who looked."""

from datetime import datetime, timedelta
from typing import NamedTuple

from shared.access.audit import Looked
from shared.database import Database, driver
from shared.ids import id_floor

COLUMNS = ", ".join(Looked._fields)

# Ids are in the order of time, and the indexes are by them.
SEARCH = f"""
SELECT {COLUMNS} FROM audit
WHERE tenant = $1 AND {{people}} AND ($2::text IS NULL OR client_id = $2)
    AND ($3::text IS NULL OR principal_id = $3) AND ($4::text IS NULL OR permission = $4)
    AND ($5::timestamptz IS NULL OR (at >= $5 AND audit_id >= $6))
    AND ($7::timestamptz IS NULL OR (at < $7 AND audit_id < $8))
    AND ($9::text IS NULL OR audit_id < $9)
ORDER BY audit_id DESC LIMIT $10
"""  # noqa: S608 - names of ours

# The index of who looked leaves machines out, which make most of the rows.
PEOPLE, ANYBODY = "principal_kind <> 'integration'", "true"
IS_OF_PEOPLE = f"""
SELECT EXISTS (SELECT FROM audit WHERE tenant = $1 AND principal_id = $2 AND {PEOPLE})
"""  # noqa: S608 - names of ours

OF_CLIENT = f"""
SELECT {COLUMNS} FROM audit
WHERE tenant = $1 AND client_id IN (SELECT access_same($1, $2))
    AND ($3::text IS NULL OR audit_id < $3)
ORDER BY audit_id DESC LIMIT $4
"""  # noqa: S608 - names of ours


class Wanted(NamedTuple):
    """Which rows: all that are given must hold; `since` counts in, `until` does not."""

    client_id: str | None = None
    principal_id: str | None = None
    permission: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Audit:
    """Reads the rows of one service."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def search(
        self, tenant: str, wanted: Wanted, *, before: str | None, limit: int
    ) -> list[Looked]:
        """Rows of an organisation, the newest first, beginning before an audit id."""
        since, until = wanted.since, wanted.until
        people = wanted.principal_id is not None and await self._is_of_people(
            tenant, wanted.principal_id
        )
        return await self._fetch(
            tenant,
            SEARCH.format(people=PEOPLE if people else ANYBODY),
            wanted.client_id,
            wanted.principal_id,
            wanted.permission,
            since,
            since and id_floor(since),
            until,
            # Ids tell the millisecond: those of the same one are judged by their time.
            until and id_floor(until + timedelta(milliseconds=1)),
            before,
            limit,
        )

    async def of_client(
        self, tenant: str, client_id: str, *, before: str | None, limit: int
    ) -> list[Looked]:
        """Who looked at one client and at whoever is the same person, the newest first."""
        return await self._fetch(tenant, OF_CLIENT, client_id, before, limit)

    async def _is_of_people(self, tenant: str, principal_id: str) -> bool:
        async with self._database.session(tenant) as conn:
            return bool(await driver(conn).fetchval(IS_OF_PEOPLE, tenant, principal_id))

    async def _fetch(self, tenant: str, query: str, *arguments: object) -> list[Looked]:
        async with self._database.session(tenant) as conn:
            rows = await driver(conn).fetch(query, tenant, *arguments)
        return [Looked(*row) for row in rows]
