"""The log that the stream is read from: the alerts' own events, in the order of the store.

The order is that of the pair (transaction id, position), and only what lies below the horizon is
read: the transaction id below which nothing can appear any more. So a cursor never passes
anything by.
"""

from collections.abc import Collection
from contextlib import suppress
from typing import NamedTuple

import asyncpg

from services.alerts.domain.alert import Alert, Status, alert_stream
from services.alerts.rows import decode
from shared.consuming.transaction import transaction
from shared.contracts import CATALOGUE, BrokenContract, Wire
from shared.contracts.alerts import (
    AlertAcknowledged,
    AlertRaised,
    AlertResolved,
    AlertReviewed,
    AlertWithdrawn,
)
from shared.contracts.outcomes import Severity
from shared.database import Database, driver
from shared.errors import FieldError, Invalid
from shared.eventstore.tail import Cursor
from shared.hub import Page
from shared.web import decode_cursor, encode_cursor

PAGE = 500
STREAM_PREFIX = alert_stream("")

RAISED, CHANGED = "alert-raised", "alert-changed"

SAYS: dict[str, Status] = {
    AlertRaised.type: "open",
    AlertAcknowledged.type: "acknowledged",
    AlertReviewed.type: "resolved",
    AlertResolved.type: "resolved",
    AlertWithdrawn.type: "withdrawn",
}
"""The status that an alert has after an event; other events leave it as it is."""


class Message(NamedTuple):
    """One event as the stream tells it; `place` is right after it."""

    place: Cursor
    tenant: str
    name: str
    alert: Alert
    status: Status
    severity: Severity
    delivered: bool


class Wanted(NamedTuple):
    """Which messages: of a tenant, of some severities (none given: all)."""

    tenant: str
    severities: frozenset[Severity] = frozenset()

    def has(self, message: Message) -> bool:
        """Whether the message is one of them."""
        fits = not self.severities or message.severity in self.severities
        return message.tenant == self.tenant and message.delivered and fits


NOW = "SELECT pg_snapshot_xmin(pg_current_snapshot()), epoch FROM installation"

# All that a page takes, in one round trip: the events as `tail` finds them, each with its alert as
# it stands now, and whether anything lies above the horizon. Each part is a look-up in the order of
# an index: a plan made for any parameters would else read the whole table. What came before an
# alert's first live event is history: an import makes tens of thousands of such events, which
# would take this process seconds to read and to leave out.
READ = """
SELECT h.xmin, h.above, m.*
FROM (
    SELECT s.xmin, (
        SELECT xid FROM events WHERE tenant = ANY($1::text[]) AND xid >= s.xmin
        ORDER BY xid LIMIT 1
    ) IS NOT NULL AS above
    FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS xmin OFFSET 0) s
    OFFSET 0
) h
LEFT JOIN LATERAL (
    SELECT e.*, a.state FROM events e
    CROSS JOIN LATERAL (
        SELECT state FROM alerts
        WHERE tenant = e.tenant AND alert_id = substr(e.stream, $5)
            AND live_version IS NOT NULL AND live_version <= e.version
        LIMIT 1
    ) a
    WHERE (e.xid, e.position) > ($2, $3) AND e.xid < h.xmin
    ORDER BY e.xid, e.position LIMIT $4
) m ON true
ORDER BY m.xid, m.position
"""


class Log:
    """Reads the log under the wall: only the tenants that are named are seen."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def now(self) -> Cursor:
        """The place below which everything has been told."""
        return (await self.bookmark()).place

    async def bookmark(self) -> "Bookmark":
        """The same, in the epoch of the store."""
        async with self._database.session() as conn:
            horizon, epoch = await driver(conn).fetchrow(NOW)
        return Bookmark(epoch, Cursor(horizon, 0))

    async def read(
        self, tenants: Collection[str], after: Cursor, *, limit: int = PAGE
    ) -> Page[Message]:
        """The next messages of `tenants` after a place."""
        asked = sorted(tenants)
        async with transaction(self._database, asked) as (_, conn):
            rows = await conn.fetch(READ, asked, *after, limit, len(STREAM_PREFIX) + 1)
        horizon, above = rows[0]["xmin"], rows[0]["above"]
        found = [row for row in rows if row["xid"] is not None]
        full = len(found) == limit
        messages = [message(row, decode(row["state"])) for row in found]
        end = Cursor(found[-1]["xid"], found[-1]["position"]) if full else Cursor(horizon, 0)
        return Page(messages, max(after, end), full, above)


def message(row: asyncpg.Record, alert: Alert) -> Message:
    """A live event as the stream tells it; what it says may be history all the same.

    To those who are told of nothing before it, the first live event is the raising. Of an event
    that a newer program wrote only the alert is told.
    """
    wire: Wire | None = None
    with suppress(BrokenContract):
        wire = CATALOGUE.decode_data(row["type"], row["schema_version"], row["data"])
    is_raising = row["type"] == AlertRaised.type or row["version"] == alert.live_version
    return Message(
        place=Cursor(row["xid"], row["position"]),
        tenant=row["tenant"],
        name=RAISED if is_raising else CHANGED,
        alert=alert,
        status=SAYS.get(row["type"], alert.status),
        severity=getattr(wire, "severity", alert.severity),
        delivered=not getattr(wire, "historical", False),
    )


class Bookmark(NamedTuple):
    """A place in the log of one epoch, as clients keep it."""

    epoch: int
    place: Cursor

    def encode(self) -> str:
        """The bookmark as clients see it: opaque."""
        return encode_cursor((self.epoch, *self.place))

    @classmethod
    def decode(cls, text: str) -> "Bookmark":
        """The bookmark that `encode` gave; Invalid if it is none of ours."""
        epoch, xid, position = decode_cursor(text, tuple[int, int, int])
        if min(epoch, xid, position) < 0 or max(xid, position) >= 2**63:
            raise Invalid(errors=[FieldError("/cursor", "This is no cursor of ours.", "cursor")])
        return cls(epoch, Cursor(xid, position))
