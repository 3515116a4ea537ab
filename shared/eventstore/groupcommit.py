"""Group commit: the appends of one process share transactions, over two connections.

No timer holds anything back: a connection that is free takes what waits, and while it commits
the next batch gathers. Two connections are enough, since one prepares while the other syncs.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import asyncpg

from shared.clock import Clock, milliseconds, utc_now
from shared.database import is_transient
from shared.errors import Unavailable
from shared.eventstore.append import Outcome, append, refusal
from shared.eventstore.model import COMMAND_DEADLINE, OutcomeUnknown
from shared.eventstore.prepare import Prepared
from shared.eventstore.queue import Queue, Waiting

CONNECTIONS = 2
CONNECT_SECONDS = 2.0
CALL_SECONDS = 4.0

LATEST_SENDING = COMMAND_DEADLINE - timedelta(seconds=1)
"""How old the ids of a write may be when it is sent; the rest is for the server to begin."""

FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""All that a call of asyncpg raises, a time-out included."""

SETTLED_BY_WAITING = (asyncpg.UniqueViolationError, asyncpg.TransactionRollbackError)
"""Another process was faster with the same stream or key: now its rows can be seen."""


class GroupCommit:
    """Takes prepared writes of any number of callers and commits them together."""

    def __init__(self, url: str, clock: Clock, *, name: str) -> None:
        self._url = url
        self._clock = clock
        self._name = name
        # Not `clock`: deadlines count from the times in ids, which are the system's.
        self._queue = Queue(utc_now)
        self._free = CONNECTIONS
        self._idle: list[asyncio.Event] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    async def start(self) -> None:
        """Begin to commit; the database is connected to when the first write comes."""
        self._stopping = False
        self._tasks = [
            asyncio.create_task(self._commit_until_stopped(), name=f"{self._name}-{number}")
            for number in range(CONNECTIONS)
        ]

    async def stop(self) -> None:
        """Commit what waits, then end."""
        self._stopping = True
        while self._idle:
            self._wake()
        await asyncio.gather(*self._tasks)
        self._tasks = []

    @property
    def running(self) -> bool:
        """Whether writes are taken: started, not stopping, and no committer has died of a bug."""
        return (
            not self._stopping
            and bool(self._tasks)
            and not any(task.done() for task in self._tasks)
        )

    def submit(self, prepared: Prepared) -> asyncio.Future[Outcome]:
        """A future of the outcome, which comes once the write is durable; raises Unavailable.

        A caller who is cancelled while his write is in flight does not learn what became of it.
        """
        if not self.running:
            raise Unavailable("the event store is not running")
        waiting = Waiting(prepared, made_at(prepared) or milliseconds(utc_now()))
        self._queue.put(waiting)
        self._wake()
        return waiting.future

    def _wake(self) -> None:
        if self._idle:
            self._idle.pop().set()

    async def _commit_until_stopped(self) -> None:
        connection: asyncpg.Connection | None = None
        woken = asyncio.Event()
        while True:
            batch = self._queue.take(self._free)
            if batch:
                connection = await self._commit(connection, batch)
            elif self._stopping:
                break
            else:
                self._idle.append(woken)
                await woken.wait()
                woken.clear()
        if connection is not None:
            connection.terminate()

    async def _commit(
        self, connection: asyncpg.Connection | None, batch: list[Waiting]
    ) -> asyncpg.Connection | None:
        """Commit `batch`; the connection, if it can be used again."""
        self._free -= 1
        if len(self._queue):
            self._wake()
        error: Unavailable = Unavailable("the database is not available; nothing was written")
        try:
            if connection is None or connection.is_closed():
                connection = await self._connect()
            error = OutcomeUnknown()
            await self._send(connection, batch, again=True)
        except FAILURES:
            if connection is not None:
                connection.terminate()
            connection = None
        finally:
            for waiting in batch:
                waiting.settle(error)
            self._queue.done(batch)
            self._free += 1
        return connection

    async def _connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(
            self._url, timeout=CONNECT_SECONDS, server_settings={"application_name": self._name}
        )

    async def _send(
        self, connection: asyncpg.Connection, batch: Sequence[Waiting], *, again: bool
    ) -> None:
        """Settle `batch`; what the database refuses is split until only the culprit is left.

        Raises one of FAILURES where the database could not say; some may be settled then.
        """
        batch = in_time(batch)
        if not batch:
            return
        try:
            outcomes = await append(
                connection,
                [waiting.prepared for waiting in batch],
                self._clock(),
                own_transaction=True,
                seconds=CALL_SECONDS,
            )
        except FAILURES as error:
            if again and isinstance(error, SETTLED_BY_WAITING):
                await self._send(connection, batch, again=False)
            elif is_transient(error):
                raise
            elif len(batch) == 1:
                batch[0].settle(refusal(error, batch[0].prepared))
            else:
                half = len(batch) // 2
                await self._send(connection, batch[:half], again=True)
                await self._send(connection, batch[half:], again=True)
            return
        for waiting, outcome in zip(batch, outcomes, strict=True):
            waiting.settle(outcome)


def in_time(batch: Sequence[Waiting]) -> list[Waiting]:
    """Those that may still be sent; the others are told that the database was too slow.

    The relay's progress counts on it: no transaction begins later than COMMAND_DEADLINE after the
    ids in it were made, however long connecting or a first attempt took.
    """
    oldest = milliseconds(utc_now() - LATEST_SENDING)
    for waiting in batch:
        if waiting.made_at < oldest:
            waiting.settle(Unavailable("the database was too slow; nothing was written"))
    return [waiting for waiting in batch if waiting.made_at >= oldest]


def made_at(prepared: Prepared) -> int | None:
    """When the ids of `prepared` were made, in milliseconds since 1970; None where they follow
    from something else."""
    if not prepared.events:
        return None
    text = prepared.events[0].id
    # A UUIDv7 begins with them; this runs for every command.
    if text[14] != "7":
        return None
    return int(text[:8] + text[9:13], 16)
