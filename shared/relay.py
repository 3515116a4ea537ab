"""The relay of one service: from its event table to its Kafka topic, in order, losing nothing.

One leader a service, by an advisory lock that belongs to the connection on which it reads: who
loses the connection is leader no more and stops. The checkpoint moves after the broker has
acknowledged, so a crash in between sends records twice, never not at all.
"""

import asyncio
import contextlib
import logging

import asyncpg
import msgspec
from prometheus_client import Counter, Gauge

from shared import publishing
from shared.clock import Clock, utc_now
from shared.contracts import envelope_bytes
from shared.eventstore.model import COMMAND_DEADLINE
from shared.eventstore.schema import CHANNEL
from shared.eventstore.tail import Cursor, Horizon, Page, mark, tail
from shared.publishing import Publisher, Record
from shared.topics import PROGRESS_TOPIC, topic

PAGE_ROWS = 1_000
POLL_SECONDS = 1.0
PROGRESS_SECONDS = 1.0
ABOVE_HORIZON_SECONDS = 0.003
RETRY_SECONDS = 0.5
IDLE_MILLISECONDS = "10000"
CONNECT_SECONDS = 5.0
COMMAND_SECONDS = 10.0

RELAY_LOCK = 0x48455231
"""Any number: whoever holds the advisory lock of it in a database is that database's relay."""

# The last is what a connection says that was lost while nobody looked.
FAILURES = (
    *publishing.FAILURES,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)

TRY_LOCK = "SELECT pg_try_advisory_lock($1)"
CHECKPOINT = "SELECT xid, position FROM relay_checkpoint"
MOVE_CHECKPOINT = """UPDATE relay_checkpoint SET xid = $1, position = $2
    WHERE xid = $3 AND position = $4"""

LEADING = Gauge("heroic_relay_leading", "1 where this process is the relay.", ["service"])
SENT = Counter("heroic_relay_events_total", "Events acknowledged by the broker.", ["service"])
LAG = Gauge(
    "heroic_relay_lag_seconds", "Age of the oldest event that is not yet sent.", ["service"]
)
HORIZON = Gauge(
    "heroic_relay_horizon_seconds",
    "For how long one open transaction has held up the events after it.",
    ["service"],
)

log = logging.getLogger(__name__)


class Relay:
    """Sends the events of `service` to its topic for as long as `run` runs."""

    def __init__(
        self, service: str, reader_url: str, bootstrap: str, clock: Clock = utc_now
    ) -> None:
        self.service = service
        self.leading = False
        self._url = reader_url
        self._bootstrap = bootstrap
        self._clock = clock

    async def run(self) -> None:
        """Lead whenever nobody else does, until cancelled; whatever fails is tried again."""
        while True:
            try:
                await self._connect_and_lead()
            except FAILURES as error:
                log.warning("relay of %s: %s; trying again", self.service, type(error).__name__)
            await asyncio.sleep(RETRY_SECONDS)

    async def _connect_and_lead(self) -> None:
        connection = await asyncpg.connect(
            self._url,
            timeout=CONNECT_SECONDS,
            command_timeout=COMMAND_SECONDS,
            server_settings={
                "application_name": f"heroic-{self.service}-relay",
                # A checkpoint lost in a crash means records sent twice, which is allowed.
                "synchronous_commit": "off",
                # A leader that is frozen must not keep the lock; the checkpoint fences it off.
                "idle_session_timeout": IDLE_MILLISECONDS,
            },
        )
        try:
            # Asked again and again, since a statement that waits would hold a snapshot open.
            while not await connection.fetchval(TRY_LOCK, RELAY_LOCK):  # noqa: ASYNC110
                await asyncio.sleep(POLL_SECONDS)
            await self._lead(connection)
        finally:
            connection.terminate()

    async def _lead(self, connection: asyncpg.Connection) -> None:
        publisher = Publisher(self._bootstrap, topic(self.service))
        try:
            await publisher.start()
            self.leading = True
            LEADING.labels(self.service).set(1)
            await Leadership(self.service, connection, publisher, self._clock).relay_for_ever()
        finally:
            self.leading = False
            LEADING.labels(self.service).set(0)
            await publisher.close()


class Leadership:
    """The work of a leader, for as long as its connection and its publisher last."""

    def __init__(
        self, service: str, connection: asyncpg.Connection, publisher: Publisher, clock: Clock
    ) -> None:
        self._service = service
        self._connection = connection
        self._publisher = publisher
        self._clock = clock
        self._horizon = Horizon()
        self._epoch = 0
        self._rung = asyncio.Event()
        self._newest_rung = 0
        self._next_mark = 0.0

    async def relay_for_ever(self) -> None:
        """Send page after page; raises one of FAILURES."""
        await self._connection.add_listener(CHANNEL, self._ring)
        self._connection.add_termination_listener(lambda _connection: self._rung.set())
        self._epoch = await self._connection.fetchval("SELECT epoch FROM installation")
        cursor = Cursor(*await self._connection.fetchrow(CHECKPOINT))
        page = await self._read(cursor)
        while True:
            end = page.end(cursor)
            acknowledged = await self._publisher.send(
                [record_of(r, self._epoch) for r in page.rows]
            )
            # The next page is read while the broker writes this one.
            following = await self._read(end) if page.full else None
            await acknowledged
            if page.rows:
                SENT.labels(self._service).inc(len(page.rows))
                cursor = await self._move_checkpoint(cursor, end)
            if following is None:
                await self._report(page)
                await self._wait(page)
                following = await self._read(cursor)
            page = following

    async def _read(self, cursor: Cursor) -> Page:
        self._rung.clear()
        await self._mark_if_due()
        page = await tail(self._connection, cursor, PAGE_ROWS)
        self._measure(page)
        return page

    def _ring(self, _connection: object, _pid: int, _channel: str, payload: str) -> None:
        self._newest_rung = max(self._newest_rung, int(payload))
        self._rung.set()

    async def _move_checkpoint(self, old: Cursor, new: Cursor) -> Cursor:
        done = await self._connection.execute(MOVE_CHECKPOINT, *new, *old)
        if done != "UPDATE 1":
            raise asyncpg.InterfaceError("somebody else has moved the checkpoint")
        return new

    async def _mark_if_due(self) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._next_mark:
            self._next_mark = now + PROGRESS_SECONDS
            before = self._clock()
            self._horizon.marked(before, await mark(self._connection))

    async def _report(self, page: Page) -> None:
        """Say how far everything is relayed, if that is further than it was."""
        known = self._horizon.through
        self._horizon.read_through(page.xmin)
        if self._horizon.through is None or self._horizon.through == known:
            return
        # An id may be older than its transaction by this much.
        through = self._horizon.through - COMMAND_DEADLINE
        progress = {
            "service": self._service,
            "epoch": self._epoch,
            "through": through,
            "offsets": {str(number): end for number, end in self._publisher.offsets.items()},
        }
        record = Record(self._service.encode(), msgspec.json.encode(progress))
        await self._publisher.send_aside(PROGRESS_TOPIC, record)

    async def _wait(self, page: Page) -> None:
        """Until there is something to read, or to say."""
        if self._newest_rung >= page.xmin:
            # Committed, but a transaction that began earlier is still open: look again soon.
            await asyncio.sleep(ABOVE_HORIZON_SECONDS)
            return
        until_mark = self._next_mark - asyncio.get_running_loop().time()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._rung.wait(), max(0.0, min(POLL_SECONDS, until_mark)))

    def _measure(self, page: Page) -> None:
        now = self._clock()
        lag = (now - page.rows[0]["recorded_at"]).total_seconds() if page.rows else 0.0
        LAG.labels(self._service).set(lag)
        HORIZON.labels(self._service).set(self._horizon.age_seconds(page, now))


def record_of(row: asyncpg.Record, epoch: int) -> Record:
    """The Kafka record of a stored event."""
    value = envelope_bytes(
        event_type=row["type"],
        event_id=str(row["id"]),
        subject=row["subject"],
        recorded_at=row["recorded_at"],
        tenant=row["tenant"],
        stream=row["stream"],
        version=row["version"],
        epoch=epoch,
        position=row["position"],
        schema_version=row["schema_version"],
        correlation_id=row["correlation_id"],
        causation_id=row["causation_id"],
        traceparent=row["traceparent"],
        data=row["data"],
    )
    return Record(row["subject"].encode(), value)
