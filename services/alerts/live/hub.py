"""One reader of the log for each process, and the subscribers that it tells.

Redis wakes it; without Redis it looks once a second. A subscriber that does not keep up is
dropped, and resumes by its last cursor without loss; nobody else notices.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from services.alerts.bell import Ear
from services.alerts.live.log import Log, Message, Page, Wanted
from shared.errors import Unavailable
from shared.eventstore.tail import START, Cursor
from shared.telemetry import describe

POLL_SECONDS = 1.0
FIRST_LOOK_SECONDS, LAST_LOOK_SECONDS = 0.002, 0.1
"""How soon to look again, at first and at last, while the horizon hides something."""
WAITING_MESSAGES = 1_000
"""How many messages may wait for a subscriber before it is dropped."""

log = logging.getLogger(__name__)


class Subscriber:
    """Somebody who is told what is wanted of the log, from `start` on."""

    def __init__(self, wanted: Wanted, start: Cursor) -> None:
        self.wanted = wanted
        self.start = start
        self._waiting: asyncio.Queue[Message | None] = asyncio.Queue(WAITING_MESSAGES + 1)
        self.dropped = False

    def tell(self, message: Message) -> None:
        """Put a message in line, or drop the subscriber whose line is full."""
        if self._waiting.qsize() >= WAITING_MESSAGES:
            self.drop()
        elif not self.dropped:
            self._waiting.put_nowait(message)

    def drop(self) -> None:
        """Tell no more; what waits is still handed out."""
        if not self.dropped:
            self.dropped = True
            self._waiting.put_nowait(None)

    async def next(self) -> Message | None:
        """The next message; None once dropped."""
        return await self._waiting.get()


class Hub:
    """Tells the subscribers of this process."""

    def __init__(self, log_: Log, redis_url: str) -> None:
        self._log = log_
        self._ear = Ear(redis_url)
        self._subscribers: set[Subscriber] = set()
        self._place = START
        self._reading = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to listen and to read."""
        self._tasks = [asyncio.create_task(self._ear.listen()), asyncio.create_task(self._run())]

    async def stop(self) -> None:
        """Stop, and let all subscribers go."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._let_go()

    def check(self) -> None:
        """Raise Unavailable where it does not run (any more)."""
        if not self._tasks or any(task.done() for task in self._tasks):
            raise Unavailable("the stream does not run")

    @asynccontextmanager
    async def subscribe(self, wanted: Wanted) -> AsyncGenerator[Subscriber]:
        """Be told from now on; raises Unavailable where the database is away."""
        # Not while a page is being read: it was asked for without this tenant.
        async with self._reading:
            if not self._subscribers:
                self._place, _ = await self._log.now()
            subscriber = Subscriber(wanted, self._place)
            self._subscribers.add(subscriber)
        try:
            yield subscriber
        finally:
            self._subscribers.discard(subscriber)

    async def _run(self) -> None:
        pause = POLL_SECONDS
        while True:
            rung = await self._ear.rung_within(pause)
            try:
                page = await self._turn()
            except Unavailable as error:
                log.warning("the log cannot be read: %s", error.detail)
                page = None
            except Exception as error:  # noqa: BLE001 - silence would look like calm
                log.error("the log cannot be told: %s", describe(error))  # noqa: TRY400
                self._let_go()
                page = None
            if page is None or not (page.more or page.above):
                pause = POLL_SECONDS
            elif page.more:
                pause = 0.0
            elif rung or page.messages:
                pause = FIRST_LOOK_SECONDS
            else:
                pause = min(pause * 2, LAST_LOOK_SECONDS)

    def _let_go(self) -> None:
        """Drop everybody: who comes back resumes by the last cursor."""
        for subscriber in self._subscribers:
            subscriber.drop()

    async def _turn(self) -> Page | None:
        """Read one page and tell it; None where nobody listens."""
        async with self._reading:
            tenants = {subscriber.wanted.tenant for subscriber in self._subscribers}
            if not tenants:
                return None
            page = await self._log.read(tenants, self._place)
            self._place = page.place
            for message in page.messages:
                for subscriber in list(self._subscribers):
                    if subscriber.wanted.has(message):
                        subscriber.tell(message)
        return page
