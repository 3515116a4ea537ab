"""The one reader of a log, on a log that fails, hides and floods as it is told to."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import aclosing, asynccontextmanager
from typing import NamedTuple

import pytest

from shared.bell import Ear
from shared.errors import Unavailable
from shared.eventstore.tail import START, Cursor
from shared.hub import Hub, Page
from tests.support.waiting import eventually_async

MINE, OTHERS = "mine", "others"
MINUTE = 60.0


class Said(NamedTuple):
    """A message; `history` is what hardly anybody wants."""

    place: Cursor
    tenant: str
    history: bool = False


class Written:
    """A log that is written by hand. `failure` is raised by the next look."""

    def __init__(self) -> None:
        self.messages: list[Said] = []
        self.hidden_from: int | None = None
        self.failure: Exception | None = None
        self.looks = 0

    def write(self, tenant: str, *, history: bool = False) -> Said:
        """One more message."""
        said = Said(Cursor(1, len(self.messages) + 1), tenant, history)
        self.messages.append(said)
        return said

    async def now(self) -> Cursor:
        """The place after all that is not hidden."""
        return Cursor(1, len(self.messages[: self.hidden_from]))

    async def read(self, tenants: Collection[str], after: Cursor) -> Page[Said]:
        """The messages of `tenants` after a place."""
        self.looks += 1
        if (failure := self.failure) is not None:
            self.failure = None
            raise failure
        seen = self.messages[: self.hidden_from]
        found = [one for one in seen if one.place > after and one.tenant in tenants]
        return Page(found, await self.now(), more=False, above=len(seen) < len(self.messages))


class Bell(Ear):
    """A bell that is rung by hand."""

    def __init__(self) -> None:
        super().__init__("redis://nowhere", "none")

    def ring(self) -> None:
        """Wake the reader."""
        self._rung.set()

    async def listen(self) -> None:
        """Nobody else rings."""
        await asyncio.Event().wait()


@pytest.fixture
def log() -> Written:
    return Written()


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
async def hub(log: Written, bell: Bell) -> AsyncIterator[Hub[Said]]:
    hub = Hub(log, bell, rest_seconds=0.001)
    hub.start()
    yield hub
    await hub.stop()


def live(said: Said) -> bool:
    """What most subscribers want."""
    return not said.history


@asynccontextmanager
async def following(
    hub: Hub[Said], tenant: str, *, seconds: float = MINUTE
) -> AsyncIterator[AsyncGenerator[Said]]:
    """What a subscriber is told who wants no history."""
    until = time.time() + seconds
    async with (
        asyncio.timeout(10),
        aclosing(hub.follow(tenant, START, until=until, wants=live)) as told,
    ):
        yield told


async def listens(hub: Hub[Said], count: int = 1) -> None:
    """Wait until so many have subscribed."""

    async def there() -> bool:
        return sum(map(len, hub._subscribers.values())) == count

    await eventually_async(there)


async def test_a_ring_is_answered_at_once(hub: Hub[Said], log: Written, bell: Bell) -> None:
    async with following(hub, MINE) as told:
        waiting = asyncio.ensure_future(anext(told))
        await listens(hub)
        said = log.write(MINE)
        started = time.perf_counter()
        bell.ring()
        assert await waiting == said
        assert time.perf_counter() - started < 0.1


async def test_what_nobody_rings_for_comes_within_a_second_or_two(
    hub: Hub[Said], log: Written
) -> None:
    async with following(hub, MINE) as told:
        waiting = asyncio.ensure_future(anext(told))
        await listens(hub)
        said = log.write(MINE)
        assert await waiting == said


async def test_history_that_is_not_wanted_drops_nobody(
    hub: Hub[Said], log: Written, bell: Bell
) -> None:
    async with following(hub, MINE) as told:
        waiting = asyncio.ensure_future(anext(told))
        await listens(hub)
        for _ in range(3_000):
            log.write(MINE, history=True)
        said = log.write(MINE)
        bell.ring()
        assert await waiting == said


async def test_what_the_horizon_hides_is_told_soon_without_another_ring(
    hub: Hub[Said], log: Written, bell: Bell
) -> None:
    async with following(hub, MINE) as told:
        waiting = asyncio.ensure_future(anext(told))
        await listens(hub)
        log.hidden_from = 0
        said = log.write(MINE)
        looks = log.looks
        bell.ring()

        async def looked() -> bool:
            return log.looks > looks + 2

        await eventually_async(looked)
        assert not waiting.done()
        log.hidden_from = None
        started = time.perf_counter()
        assert await waiting == said
        assert time.perf_counter() - started < 0.5


async def test_many_rings_cost_few_looks(log: Written, bell: Bell) -> None:
    hub = Hub(log, bell, rest_seconds=0.1)
    hub.start()
    async with following(hub, MINE) as told:
        waiting = asyncio.ensure_future(anext(told))
        await listens(hub)
        looks, until = log.looks, time.monotonic() + 0.5
        while time.monotonic() < until:
            bell.ring()
            await asyncio.sleep(0)
        assert 1 <= log.looks - looks <= 7
        log.write(MINE)
        bell.ring()
        await waiting
    await hub.stop()


async def test_a_log_that_breaks_lets_everybody_go_and_tells_who_comes_back(
    hub: Hub[Said], log: Written, bell: Bell, caplog: pytest.LogCaptureFixture
) -> None:
    async with following(hub, MINE) as told, following(hub, OTHERS) as others:
        waiting = [asyncio.ensure_future(anext(one, None)) for one in (told, others)]
        await listens(hub, 2)
        log.failure = RuntimeError("words of a client")
        said = log.write(MINE)
        bell.ring()
        assert await asyncio.gather(*waiting) == [None, None]
    assert "RuntimeError" in caplog.text
    assert "words of a client" not in caplog.text
    hub.check()
    async with following(hub, MINE) as told:
        assert await anext(told) == said


async def test_a_log_that_is_away_for_a_while_lets_nobody_go(
    hub: Hub[Said], log: Written, bell: Bell
) -> None:
    async with following(hub, MINE) as told:
        waiting = asyncio.ensure_future(anext(told))
        await listens(hub)
        log.failure = Unavailable("no database")
        said = log.write(MINE)
        bell.ring()
        assert await waiting == said


async def test_it_ends_when_the_time_is_over_also_for_who_is_slow(
    hub: Hub[Said], log: Written, bell: Bell
) -> None:
    async with following(hub, MINE, seconds=0.5) as told:
        waiting = asyncio.ensure_future(anext(told))
        await listens(hub)
        first = log.write(MINE)
        for _ in range(10):
            log.write(MINE)
        bell.ring()
        assert await waiting == first
        # Ten wait for it, and it does not take them in time.
        [subscriber] = hub._subscribers[MINE]

        async def over() -> bool:
            return subscriber.dropped

        await eventually_async(over)
        assert [one async for one in told] == []
    assert not hub._subscribers


async def test_the_past_is_not_told_to_who_has_no_time_left(hub: Hub[Said], log: Written) -> None:
    log.write(MINE)
    async with following(hub, MINE, seconds=-1) as told:
        assert [one async for one in told] == []
