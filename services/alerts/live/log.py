"""The log that the stream is read from: the alerts' own events, in the order of the store.

The order is that of the pair (transaction id, position), and only what lies below the horizon is
read: the transaction id below which nothing can appear any more. So a cursor never passes
anything by.
"""

import time
from collections.abc import Collection
from contextlib import suppress
from typing import NamedTuple

import asyncpg

from services.alerts.domain.alert import Alert, Status, alert_stream
from services.alerts.live.listening import Audience, Listener, audience_of
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
    """One event as the stream tells it, `place` right after it, and who may hear of it."""

    place: Cursor
    tenant: str
    name: str
    alert: Alert
    status: Status
    severity: Severity
    delivered: bool
    audience: Audience


class Wanted(NamedTuple):
    """Which messages: those that a listener may hear, of some severities (none given: all)."""

    listener: Listener
    severities: frozenset[Severity] = frozenset()

    @property
    def tenant(self) -> str:
        """Whose messages."""
        return self.listener.tenant

    def has(self, message: Message) -> bool:
        """Whether the message is one of them."""
        fits = not self.severities or message.severity in self.severities
        is_ours = message.tenant == self.tenant and message.delivered and fits
        return is_ours and self.listener.hears(message.audience, risk=message.alert.is_risk)


NOW = "SELECT pg_snapshot_xmin(pg_current_snapshot()), epoch FROM installation"

# All that a page takes, in one round trip: the events as `tail` finds them, each with its alert as
# it stands now, and whether anything lies above the horizon. Each part is a look-up in the order of
# an index: a plan made for any parameters would else read the whole table. What came before an
# alert's first live event is history: an import makes tens of thousands of such events, which
# would take this process seconds to read and to leave out. Who may hear of each is asked in the
# same breath: no listener costs a query of its own.
READ = """
SELECT h.xmin, h.above, m.*, u.*
FROM (
    SELECT s.xmin, (
        SELECT xid FROM events WHERE tenant = ANY($1::text[]) AND xid >= s.xmin
        ORDER BY xid LIMIT 1
    ) IS NOT NULL AS above
    FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS xmin OFFSET 0) s
    OFFSET 0
) h
LEFT JOIN LATERAL (
    SELECT e.*, a.state, a.client_id FROM events e
    CROSS JOIN LATERAL (
        SELECT state, client_id FROM alerts
        WHERE tenant = e.tenant AND alert_id = substr(e.stream, $5)
            AND live_version IS NOT NULL AND live_version <= e.version
        LIMIT 1
    ) a
    WHERE (e.xid, e.position) > ($2, $3) AND e.xid < h.xmin
    ORDER BY e.xid, e.position LIMIT $4
) m ON true
LEFT JOIN LATERAL alert_audience(m.tenant, m.client_id) u ON m.xid IS NOT NULL
ORDER BY m.xid, m.position
"""


AUDIENCE = "SELECT * FROM alert_audience($1, $2)"


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
        read_at = time.monotonic()
        messages = [message(row, decode(row["state"]), audience_of(row, read_at)) for row in found]
        end = Cursor(found[-1]["xid"], found[-1]["position"]) if full else Cursor(horizon, 0)
        return Page(messages, max(after, end), full, above)

    async def asked_anew(self, message: Message) -> Message:
        """The message with those who may hear of it by now."""
        client_id = message.alert.series.client_id
        async with self._database.session(message.tenant) as conn:
            row = await driver(conn).fetchrow(AUDIENCE, message.tenant, client_id)
        return message._replace(audience=audience_of(row, time.monotonic()))


def message(row: asyncpg.Record, alert: Alert, audience: Audience) -> Message:
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
        audience=audience,
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
