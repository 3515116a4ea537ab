"""What waits to be committed, and which of it may go together."""

import asyncio
from collections import deque
from collections.abc import Iterable

from shared.clock import Clock, milliseconds
from shared.errors import Unavailable
from shared.eventstore.append import Outcome
from shared.eventstore.model import COMMAND_DEADLINE
from shared.eventstore.prepare import Prepared

SMALLEST_BATCH = 16
LARGEST_BATCH = 512
MOST_EVENTS = 1_000
MOST_BYTES = 4_000_000
MOST_WAITING = 20_000

Name = tuple[str, str, str]


class Waiting:
    """One caller's write and the future that he waits for.

    `made_at`: when its ids were made (milliseconds since 1970).
    """

    __slots__ = ("future", "made_at", "prepared")

    def __init__(self, prepared: Prepared, made_at: int) -> None:
        self.prepared = prepared
        self.made_at = made_at
        self.future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def settle(self, outcome: Outcome) -> None:
        """Tell the caller, unless he went away."""
        if not self.future.done():
            self.future.set_result(outcome)


class Queue:
    """First come, first served, but for those who must wait for a stream or key in flight.

    Two appends of one stream never travel together, nor on two connections at once: the later one
    would wait for the earlier one inside the database and hold up its whole batch, and one whose
    expected version was a guess could get an earlier transaction id than its predecessor.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ready: deque[Waiting] = deque()
        self._in_flight: set[Name] = set()
        self._held: dict[Name, list[Waiting]] = {}
        self._count = 0

    def __len__(self) -> int:
        """How many may go now, as far as is known."""
        return len(self._ready)

    def put(self, waiting: Waiting) -> None:
        """Add one; raises Unavailable where too many wait already."""
        if self._count >= MOST_WAITING:
            raise Unavailable("too many commands wait for the database")
        self._count += 1
        self._ready.append(waiting)

    def take(self, idle: int) -> list[Waiting]:
        """The next batch for one of `idle` connections; empty where nothing may go."""
        most = min(LARGEST_BATCH, max(SMALLEST_BATCH, -(-len(self._ready) // idle)))
        oldest = milliseconds(self._clock() - COMMAND_DEADLINE)
        batch: list[Waiting] = []
        events = size = 0
        while self._ready and len(batch) < most:
            waiting = self._ready[0]
            prepared = waiting.prepared
            events += len(prepared.events)
            size += prepared.size
            if batch and (events > MOST_EVENTS or size > MOST_BYTES):
                break
            self._ready.popleft()
            if waiting.future.done():
                self._count -= 1
            elif waiting.made_at < oldest:
                self._count -= 1
                waiting.settle(Unavailable("the database was too slow; nothing was written"))
            elif not self._blocked(waiting):
                self._in_flight.update(prepared.names)
                batch.append(waiting)
        return batch

    def _blocked(self, waiting: Waiting) -> bool:
        for name in waiting.prepared.names:
            if name in self._in_flight:
                self._held.setdefault(name, []).append(waiting)
                return True
        return False

    def done(self, batch: Iterable[Waiting]) -> None:
        """`batch` is no longer in flight: whoever waited for its streams and keys goes next."""
        freed: list[Waiting] = []
        for waiting in batch:
            self._count -= 1
            for name in waiting.prepared.names:
                self._in_flight.discard(name)
                freed += self._held.pop(name, ())
        self._ready.extendleft(reversed(freed))
