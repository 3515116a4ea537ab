"""The feed of view changes: which clients' views changed, in an order that can be resumed."""

from collections.abc import Collection
from typing import NamedTuple

from shared.database import Database, driver
from shared.errors import FieldError, Invalid
from shared.eventstore.tail import Cursor
from shared.hub import Page
from shared.web import decode_cursor

PAGE = 100
END = 2**63
"""Above every part of a place."""

HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())"

# Only below the horizon: a transaction with a lower id may still be open above it, and its rows
# would be passed over for ever. A look-up a tenant in the order of the key, and one for whether
# anything lies above: a plan made for any parameters would else read the whole table.
READ = """
SELECT h.horizon, EXISTS (
        SELECT FROM unnest($1::text[]) AS t (tenant) CROSS JOIN LATERAL (
            SELECT FROM view_changes AS c
            WHERE c.tenant = t.tenant AND c.xid >= h.horizon
            ORDER BY c.xid LIMIT 1
        ) AS one
    ) AS above, n.*
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS horizon OFFSET 0) AS h
LEFT JOIN LATERAL (
    SELECT one.* FROM unnest($1::text[]) AS t (tenant) CROSS JOIN LATERAL (
        SELECT c.tenant, c.xid, c.position, c.client_ids FROM view_changes AS c
        WHERE c.tenant = t.tenant AND (c.xid, c.position) > ($2, $3) AND c.xid < h.horizon
        ORDER BY c.xid, c.position LIMIT $4
    ) AS one
    ORDER BY one.xid, one.position LIMIT $4
) AS n ON true
ORDER BY n.xid, n.position
"""


class Change(NamedTuple):
    """The clients of a tenant whose views one transaction changed; `place` is right after it."""

    place: Cursor
    tenant: str
    client_ids: list[str]


class Feed:
    """Reads the changes under the wall: only the tenants that are named are seen."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def now(self) -> Cursor:
        """The place after all that has been settled."""
        async with self._database.session() as conn:
            return Cursor(await driver(conn).fetchval(HORIZON), 0)

    async def read(self, tenants: Collection[str], after: Cursor) -> Page[Change]:
        """The next changes of `tenants` after a place, in one round trip."""
        asked = sorted(tenants)
        async with self._database.session(*asked) as conn:
            rows = await driver(conn).fetch(READ, asked, *after, PAGE)
        horizon, above = rows[0]["horizon"], rows[0]["above"]
        changes = [
            Change(Cursor(row["xid"], row["position"]), row["tenant"], row["client_ids"])
            for row in rows
            if row["xid"] is not None
        ]
        full = len(changes) == PAGE
        end = changes[-1].place if full else Cursor(horizon, 0)
        return Page(changes, max(after, end), full, above)


def place_of(text: str) -> Cursor:
    """The place that `encode_cursor` was given; Invalid if it is none of ours."""
    xid, position = decode_cursor(text, tuple[int, int])
    if not (0 <= xid < END and 0 <= position < END):
        raise Invalid(errors=[FieldError("/cursor", "This is no cursor of ours.", "cursor")])
    return Cursor(xid, position)
