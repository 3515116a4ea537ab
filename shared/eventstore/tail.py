"""Reading all events of a service in an order that never skips one.

A position is drawn when a row is inserted and seen when its transaction commits, so a reader that
goes by position alone misses rows that commit late. The pair (transaction id, position), read only
below the horizon, has no such gap: the horizon is the oldest transaction id still in progress when
the page was read, hence everything below it is either visible or was rolled back, for ever.
"""

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

FETCH = """
SELECT h.xmin, h.xmax, e.*
FROM (SELECT pg_snapshot_xmin(s) AS xmin, pg_snapshot_xmax(s) AS xmax
      FROM pg_current_snapshot() AS s) h
LEFT JOIN LATERAL (
    SELECT * FROM events e
    WHERE (e.xid, e.position) > ($1, $2) AND e.xid < h.xmin
    ORDER BY e.xid, e.position LIMIT $3
) e ON true
ORDER BY e.xid, e.position
"""


class Cursor(NamedTuple):
    """A place in the order: everything up to and including this pair has been read."""

    xid: int
    position: int


START = Cursor(0, 0)


class Page(NamedTuple):
    """Some events in order, and the snapshot that they were read in.

    Everything below `xmin` is settled; nothing at or above `xmax` had completed.
    """

    rows: Sequence[asyncpg.Record]
    xmin: int
    xmax: int
    full: bool

    def end(self, start: Cursor) -> Cursor:
        """The place after this page, which began after `start`."""
        return Cursor(self.rows[-1]["xid"], self.rows[-1]["position"]) if self.rows else start


async def tail(connection: asyncpg.Connection, after: Cursor, limit: int) -> Page:
    """At most `limit` events after `after`, below the horizon. The connection's role sees all."""
    rows = await connection.fetch(FETCH, after.xid, after.position, limit)
    xmin, xmax = rows[0]["xmin"], rows[0]["xmax"]
    if rows[0]["xid"] is None:
        return Page((), xmin, xmax, full=False)
    return Page(rows, xmin, xmax, full=len(rows) == limit)


async def mark(connection: asyncpg.Connection) -> int:
    """A transaction id that every transaction that begins from now on exceeds."""
    marked: int = await connection.fetchval("SELECT pg_current_xact_id()")
    return marked


class Horizon:
    """Through which moment everything is below the horizon.

    A transaction that had its id before a mark was made is settled once the horizon has passed the
    mark. (The snapshot's own xmax would not do: it ends at what has completed, not at what began.)
    """

    def __init__(self) -> None:
        self.through: datetime | None = None
        self._marks: deque[tuple[datetime, int]] = deque()
        self._stuck: tuple[int, datetime] | None = None

    def marked(self, before: datetime, xid: int) -> None:
        """`xid` was marked after the clock showed `before`."""
        self._marks.append((before, xid))

    def read_through(self, xmin: int) -> None:
        """Everything below `xmin` has been read."""
        while self._marks and self._marks[0][1] < xmin:
            self.through = self._marks.popleft()[0]

    def age_seconds(self, page: Page, now: datetime) -> float:
        """For how long the same transaction has held up what came after it."""
        if page.xmin >= page.xmax:
            self._stuck = None
            return 0.0
        if self._stuck is None or self._stuck[0] != page.xmin:
            self._stuck = (page.xmin, now)
        return (now - self._stuck[1]).total_seconds()
