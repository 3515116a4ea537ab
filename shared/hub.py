"""One reader of a log for each process, and the subscribers that it tells.

Redis wakes it; without Redis it looks once a second. A subscriber that does not keep up is
dropped, and resumes by its last cursor without loss; nobody else notices. What a message is, the
service says whose log it is.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing, asynccontextmanager
from typing import Generic, NamedTuple, Protocol, TypeVar

from shared.bell import Ear
from shared.errors import Unavailable
from shared.eventstore.tail import START, Cursor
from shared.telemetry import describe

POLL_SECONDS = 1.0
LAST_LOOK_SECONDS = 0.1
"""How soon to look again, at last, while the horizon hides something."""
WAITING_MESSAGES = 1_000
"""How many messages may wait for a subscriber before it is dropped."""

log = logging.getLogger(__name__)


class Message(Protocol):
    """What subscribers are told: something of a tenant; `place` is right after it."""

    @property
    def place(self) -> Cursor: ...
    @property
    def tenant(self) -> str: ...


M = TypeVar("M", bound=Message)


class Page(NamedTuple, Generic[M]):
    """What the log had: `place` is where to read on. `more`: there is more at once; `above`:
    there is something that the horizon hides for the moment."""

    messages: list[M]
    place: Cursor
    more: bool
    above: bool


class Log(Protocol[M]):
    """Messages in the order of the store below its horizon, read under the wall."""

    async def now(self) -> Cursor:
        """The place below which everything has been told."""
        ...

    async def read(self, tenants: Collection[str], after: Cursor) -> Page[M]:
        """The next messages of `tenants` after a place."""
        ...


class Subscriber(Generic[M]):
    """Somebody who is told what is wanted of the log, from `start` on."""

    def __init__(self, tenant: str, wants: Callable[[M], bool], start: Cursor) -> None:
        self.tenant = tenant
        self.wants = wants
        self.start = start
        self.dropped = False
        self._waiting: asyncio.Queue[M | None] = asyncio.Queue(WAITING_MESSAGES + 1)

    def tell(self, message: M) -> None:
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

    async def next(self) -> M | None:
        """The next message; None once dropped."""
        return await self._waiting.get()


def everything(_: Message) -> bool:
    """Want all that there is."""
    return True


class Hub(Generic[M]):
    """Tells the subscribers of this process.

    For `rest_seconds` it rests between two looks: what rings meanwhile is seen by one.
    """

    def __init__(self, log: Log[M], ear: Ear, *, rest_seconds: float) -> None:
        self._log = log
        self._ear = ear
        self._rest_seconds = rest_seconds
        self._subscribers: defaultdict[str, set[Subscriber[M]]] = defaultdict(set)
        self._place = START
        self._reading = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
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

    async def follow(
        self, tenant: str, after: Cursor, *, until: float, wants: Callable[[M], bool] = everything
    ) -> AsyncGenerator[M]:
        """What is wanted of a tenant after a place, that of the past first, none twice.

        It ends at `until` (seconds since the epoch), and where the subscriber does not keep up. It
        holds no connection while it waits. Raises Unavailable where the database is away.
        """
        async with self._subscribe(tenant, wants) as subscriber:
            # Who waits for the next message is woken; who is slow gets no more of what waits.
            ending = asyncio.get_running_loop().call_later(until - time.time(), subscriber.drop)
            try:
                async with aclosing(self._told(subscriber, after)) as told:
                    async for message in told:
                        if time.time() >= until:
                            return
                        yield message
            finally:
                ending.cancel()

    async def _told(self, subscriber: Subscriber[M], after: Cursor) -> AsyncGenerator[M]:
        while after < subscriber.start:
            page = await self._log.read([subscriber.tenant], after)
            for message in filter(subscriber.wants, page.messages):
                yield message
            after = page.place
        while (news := await subscriber.next()) is not None:
            if news.place > after:
                yield news

    @asynccontextmanager
    async def _subscribe(
        self, tenant: str, wants: Callable[[M], bool]
    ) -> AsyncGenerator[Subscriber[M]]:
        # Not while a page is being read: it was asked for without this tenant.
        async with self._reading:
            if not self._subscribers:
                self._place = await self._log.now()
            subscriber = Subscriber(tenant, wants, self._place)
            self._subscribers[tenant].add(subscriber)
        try:
            yield subscriber
        finally:
            self._subscribers[tenant].discard(subscriber)
            if not self._subscribers[tenant]:
                del self._subscribers[tenant]

    async def _run(self) -> None:
        pause = POLL_SECONDS
        while True:
            rung = await self._ear.rung_within(pause)
            page = await self._look()
            if page is not None and page.more:
                pause = 0.0
                continue
            if page is None or not page.above:
                pause = POLL_SECONDS
            elif rung or page.messages:
                # The horizon hides something, and no bell rings when it moves.
                pause = 0.0
            else:
                pause = min(2 * pause + self._rest_seconds, LAST_LOOK_SECONDS)
            await asyncio.sleep(self._rest_seconds)

    async def _look(self) -> Page[M] | None:
        """One page, told; None where nobody listens or it cannot be had."""
        try:
            return await self._turn()
        except Unavailable as error:
            log.warning("the log cannot be read: %s", error.detail)
        except Exception as error:  # noqa: BLE001 - silence would look like calm
            log.error("the log cannot be told: %s", describe(error))  # noqa: TRY400
            self._let_go()
        return None

    def _let_go(self) -> None:
        """Drop everybody: who comes back resumes by the last cursor."""
        for subscribers in self._subscribers.values():
            for subscriber in subscribers:
                subscriber.drop()

    async def _turn(self) -> Page[M] | None:
        async with self._reading:
            if not self._subscribers:
                return None
            page = await self._log.read(list(self._subscribers), self._place)
            self._place = page.place
            for message in page.messages:
                # None where the last one of the tenant has left while the page was read.
                for subscriber in self._subscribers.get(message.tenant, ()):
                    if subscriber.wants(message):
                        subscriber.tell(message)
        return page
