"""The stream of view changes, as open pages see it."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from shared.ids import new_id
from shared.web import encode_cursor
from tests.integration.outcomes.home import Home
from tests.integration.outcomes.test_api import a_story
from tests.support.front_door import fields_in

PAGES = 40
RINGS = 10


@pytest.fixture
def home(shared_home: Home) -> Home:
    """The shared service; every test has a tenant of its own."""
    return shared_home


async def test_the_stream_says_whose_view_changed_and_resumes(home: Home) -> None:
    tenant = new_id()
    first, second, stranger = a_story(tenant), a_story(tenant), a_story()
    async with listening(home, tenant) as messages:
        await home.project(*first.events)
        await home.project(*stranger.events)
        seen = await take(messages)
    assert seen["event"] == "view-changed"
    assert json.loads(seen["data"]) == {
        "client_id": first.client_id,
        "link": f"/outcomes/v1/clients/{first.client_id}",
    }
    await home.project(*second.events)
    async with listening(home, tenant, after=seen["id"]) as messages:
        missed = await take(messages)
    assert json.loads(missed["data"])["client_id"] == second.client_id


async def test_a_stream_ends_with_its_token_and_goes_on_with_another(home: Home) -> None:
    story = a_story()
    async with (
        home.http(story.tenant, seconds=2) as http,
        asyncio.timeout(5),
        http.stream("GET", "/v1/stream") as answer,
    ):
        beginning = answer.headers["last-event-id"]
        assert [line async for line in answer.aiter_lines() if line.strip()] == []
    await home.project(*story.events)
    async with listening(home, story.tenant, after=beginning) as messages:
        missed = await take(messages)
    assert json.loads(missed["data"])["client_id"] == story.client_id


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "kv_PgAAAAAAAAAA",
        encode_cursor((2**63, 0)),
        encode_cursor((0, 2**63)),
        encode_cursor((-1, 0)),
        encode_cursor((0, -1)),
    ],
)
async def test_a_cursor_that_is_none_of_ours_is_422(home: Home, cursor: str) -> None:
    headers = {"Last-Event-ID": cursor}
    async with (
        home.http(new_id()) as http,
        http.stream("GET", "/v1/stream", headers=headers) as answer,
    ):
        assert answer.status_code == 422


async def test_a_hundred_open_pages_look_no_more_often_than_one(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every ring reaches every process, whoever's views changed."""
    tenant, looks = new_id(), Counter[str]()
    feed = home.app.state.context.feed
    read = feed.read

    async def counted(*given: Any) -> Any:
        looks["read"] += 1
        return await read(*given)

    async with AsyncExitStack() as pages:
        opened = [await pages.enter_async_context(listening(home, tenant)) for _ in range(PAGES)]
        strangers = [a_story() for _ in range(RINGS)]
        first = a_story(tenant)
        # All pages listen: each has been told of something.
        await home.project(*first.events)
        for messages in opened:
            assert json.loads((await take(messages))["data"])["client_id"] == first.client_id
        monkeypatch.setattr(feed, "read", counted)
        for stranger in strangers:
            await home.project(*stranger.events)
        last = a_story(tenant)
        await home.project(*last.events)
        for messages in opened:
            assert json.loads((await take(messages))["data"])["client_id"] == last.client_id
    assert looks["read"] < PAGES


async def test_pages_that_come_and_go_are_told_all_once(home: Home) -> None:
    """What happened while a page was away comes first, and nothing comes twice."""
    tenant = new_id()
    stories = [a_story(tenant) for _ in range(6)]
    seen: list[str] = []
    cursor = None
    async with listening(home, tenant) as other:
        for number in range(0, len(stories), 2):
            async with listening(home, tenant, after=cursor) as messages:
                if cursor is not None:
                    message = await take(messages)
                    seen.append(json.loads(message["data"])["client_id"])
                await home.project(*stories[number].events)
                message = await take(messages)
                seen.append(json.loads(message["data"])["client_id"])
                cursor = message["id"]
            await home.project(*stories[number + 1].events)
        told = [json.loads((await take(other))["data"])["client_id"] for _ in stories]
    assert told == [story.client_id for story in stories]
    assert seen == told[:-1]


@asynccontextmanager
async def listening(
    home: Home, tenant: str, after: str | None = None
) -> AsyncIterator[AsyncIterator[dict[str, str]]]:
    """The messages of the stream from now on, or after one."""
    headers = {"Last-Event-ID": after} if after else {}
    async with (
        home.http(tenant) as http,
        http.stream("GET", "/v1/stream", headers=headers) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        yield fields_in(answer.aiter_lines())


async def take(messages: AsyncIterator[dict[str, str]]) -> dict[str, str]:
    """The next message."""
    async with asyncio.timeout(5):
        return await anext(messages)
