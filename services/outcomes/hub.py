"""One reader of the feed for each process, and the open pages that it tells.

Redis wakes it; without Redis it looks once a second. A page that does not keep up is dropped, and
resumes by its last cursor without loss; nobody else notices.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from services.outcomes.feed import Change, Feed, Page
from services.outcomes.wake import Ear
from shared.errors import Unavailable
from shared.eventstore.tail import START, Cursor

POLL_SECONDS = 1.0
LEAST_SECONDS = 0.05
"""How long it rests between two looks: what rings meanwhile is seen by one."""
WAITING_CHANGES = 1_000
"""How many changes may wait for a page before it is dropped."""

log = logging.getLogger(__name__)


class Subscriber:
    """A page that is told of the changes of a tenant, from `start` on."""

    def __init__(self, tenant: str, start: Cursor) -> None:
        self.tenant = tenant
        self.start = start
        self._waiting: asyncio.Queue[Change | None] = asyncio.Queue(WAITING_CHANGES + 1)
        self._dropped = False

    def tell(self, change: Change) -> None:
        """Put a change in line, or drop the page whose line is full."""
        if self._waiting.qsize() >= WAITING_CHANGES:
            self.drop()
        elif not self._dropped:
            self._waiting.put_nowait(change)

    def drop(self) -> None:
        """Tell no more; what waits is still handed out."""
        if not self._dropped:
            self._dropped = True
            self._waiting.put_nowait(None)

    async def next(self) -> Change | None:
        """The next change; None once dropped."""
        return await self._waiting.get()


class Hub:
    """Tells the open pages of this process."""

    def __init__(self, feed: Feed, ear: Ear) -> None:
        self._feed = feed
        self._ear = ear
        self._subscribers: set[Subscriber] = set()
        self._place = START
        self._reading = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to listen and to read."""
        self._tasks = [asyncio.create_task(self._ear.listen()), asyncio.create_task(self._run())]

    async def stop(self) -> None:
        """Stop, and let all pages go."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for subscriber in self._subscribers:
            subscriber.drop()

    def check(self) -> None:
        """Raise Unavailable where it does not run (any more)."""
        if not self._tasks or any(task.done() for task in self._tasks):
            raise Unavailable("the stream does not run")

    async def follow(self, tenant: str, after: Cursor) -> AsyncGenerator[Change]:
        """All changes of a tenant after a place, those of the past first, none twice.

        It ends where the page does not keep up; it holds no connection while it waits.
        """
        async with self._subscribe(tenant) as subscriber:
            while after < subscriber.start:
                page = await self._feed.read([tenant], after)
                for change in page.changes:
                    yield change
                after = page.place
            while (news := await subscriber.next()) is not None:
                if news.cursor > after:
                    yield news

    @asynccontextmanager
    async def _subscribe(self, tenant: str) -> AsyncGenerator[Subscriber]:
        # Not while a page is being read: it was asked for without this tenant.
        async with self._reading:
            if not self._subscribers:
                self._place = await self._feed.now()
            subscriber = Subscriber(tenant, self._place)
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
                log.warning("the feed cannot be read: %s", error.detail)
                page = None
            if page is not None and page.more:
                pause = 0.0
                continue
            if page is None or not page.above:
                pause = POLL_SECONDS
            elif page.changes or rung:
                # The horizon hides something, and no bell rings when it moves.
                pause = 0.0
            else:
                pause = min(pause * 2 + LEAST_SECONDS, POLL_SECONDS)
            await asyncio.sleep(LEAST_SECONDS)

    async def _turn(self) -> Page | None:
        """Read one page of the feed and tell it; None where nobody listens."""
        async with self._reading:
            tenants = {subscriber.tenant for subscriber in self._subscribers}
            if not tenants:
                return None
            page = await self._feed.read(tenants, self._place)
            self._place = page.place
            for change in page.changes:
                for subscriber in self._subscribers:
                    if subscriber.tenant == change.tenant:
                        subscriber.tell(change)
        return page
