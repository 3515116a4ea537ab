"""The one reader of the feed: what it does where Redis, a page or the horizon does not keep up."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from services.outcomes.feed import Change, Feed
from services.outcomes.wake import Ear
from shared import hub as module
from shared.database import driver
from shared.errors import Unavailable
from shared.eventstore.tail import Cursor
from shared.hub import Hub
from shared.ids import new_id
from tests.integration.outcomes.home import Home
from tests.integration.outcomes.test_api import a_story

NO_REDIS = "redis://127.0.0.1:1/0"


@pytest.fixture
async def feed(shared_home: Home) -> Feed:
    """The feed of the shared service."""
    return Feed(shared_home.database)


@pytest.fixture
async def hub(feed: Feed) -> AsyncIterator[Hub[Change]]:
    """A reader that no bell wakes."""
    hub = Hub(feed, Ear(NO_REDIS), rest_seconds=0.01)
    hub.start()
    yield hub
    await hub.stop()


@asynccontextmanager
async def told(
    hub: Hub[Change], tenant: str, after: Cursor
) -> AsyncIterator[AsyncGenerator[Change]]:
    """What a page of a tenant is told."""
    async with (
        aclosing(hub.follow(tenant, after, until=time.time() + 60)) as changes,
        asyncio.timeout(10),
    ):
        yield changes


async def test_without_redis_pages_are_only_slower(
    shared_home: Home, hub: Hub[Change], feed: Feed
) -> None:
    story = a_story()
    async with told(hub, story.tenant, await feed.now()) as changes:
        following = asyncio.ensure_future(anext(changes))
        await shared_home.project(*story.events)
        assert (await following).client_ids == [story.client_id]


async def test_what_the_horizon_hides_is_told_once_it_is_settled(
    shared_home: Home, hub: Hub[Change], feed: Feed
) -> None:
    first = a_story()
    second = a_story(first.tenant)
    async with told(hub, first.tenant, await feed.now()) as changes:
        following = asyncio.ensure_future(anext(changes))
        async with shared_home.database.session() as conn:
            # The lowest transaction that is open hides all that come after it.
            await driver(conn).fetchval("SELECT pg_current_xact_id()")
            await shared_home.project(*first.events)
            page = await feed.read([first.tenant], Cursor(0, 0))
            assert (page.messages, page.above) == ([], True)
            assert not following.done()
        assert (await following).client_ids == [first.client_id]
        await shared_home.project(*second.events)
        assert (await anext(changes)).client_ids == [second.client_id]


async def test_a_page_that_does_not_keep_up_ends_and_resumes_without_loss(
    shared_home: Home, hub: Hub[Change], feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING_MESSAGES", 2)
    tenant = new_id()
    stories = [a_story(tenant) for _ in range(5)]
    seen: list[Change] = []
    async with told(hub, tenant, await feed.now()) as slow:
        # It listens from here on, and then does not look for a while.
        following = asyncio.ensure_future(anext(slow))
        await shared_home.project(*stories[0].events)
        seen.append(await following)
        async with told(hub, tenant, seen[0].place) as quick:
            for story in stories[1:]:
                await shared_home.project(*story.events)
                assert (await anext(quick)).client_ids == [story.client_id]
        seen += [change async for change in slow]
    assert len(seen) == 3
    async with told(hub, tenant, seen[-1].place) as again:
        seen += [await anext(again), await anext(again)]
    assert [one.client_ids for one in seen] == [[story.client_id] for story in stories]


async def test_a_page_reads_more_of_the_past_than_one_look_gives(
    shared_home: Home, hub: Hub[Change], feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.outcomes.feed.PAGE", 2)
    tenant, start = new_id(), await feed.now()
    stories = [a_story(tenant) for _ in range(5)]
    for story in stories:
        await shared_home.project(*story.events)
        await shared_home.project(*a_story().events)
    async with told(hub, tenant, start) as changes:
        seen = [await anext(changes) for _ in stories]
    assert [one.client_ids for one in seen] == [[story.client_id] for story in stories]


async def test_who_does_not_read_says_so(feed: Feed) -> None:
    hub = Hub(feed, Ear(NO_REDIS), rest_seconds=0.01)
    with pytest.raises(Unavailable):
        hub.check()
    hub.start()
    hub.check()
    await hub.stop()
    with pytest.raises(Unavailable):
        hub.check()
