"""Whose changes the stream tells of: whoever the caller reaches when it is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from services.outcomes import sight
from shared.contracts.intake import EpisodeTransferred
from shared.contracts.people import SignedOut
from shared.ids import new_id
from shared.security import SCOPES, Principal
from shared.security.policy import POLICY
from tests.integration.outcomes.home import Home
from tests.integration.outcomes.reaching import also, arrive, form_team, in_care, withdraw
from tests.support.front_door import fields_in
from tests.support.waiting import eventually_async
from tests.unit.outcomes.story import Story

VIEWS_READ = POLICY["views.read"]


@pytest.fixture
def home(shared_home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The shared service; every test has a tenant of its own. Nothing holds for a second."""
    monkeypatch.setattr(sight, "KNOWN_SECONDS", 0.0)
    return shared_home


@pytest.fixture
def tenant() -> str:
    return new_id()


@asynccontextmanager
async def hearing(caller: httpx.AsyncClient) -> AsyncIterator[AsyncIterator[str]]:
    """The ids of the clients whom the caller is told of."""
    async with (
        caller as http,
        http.stream("GET", "/v1/stream") as answer,
        asyncio.timeout(10),
    ):
        assert answer.status_code == 200
        lines = fields_in(answer.aiter_lines())
        yield (json.loads(one["data"])["client_id"] async for one in lines)


async def change(home: Home, *stories: Story) -> None:
    """Something new of each, in turn."""
    for story in stories:
        await home.project(story.rate(new_id(), 210, day=8))


async def test_a_clinician_is_told_of_their_clients_alone(home: Home, tenant: str) -> None:
    me = new_id()
    mine, theirs = in_care(tenant, me), in_care(tenant, new_id())
    await arrive(home, mine, theirs)
    async with hearing(home.person(tenant, me, "clinician")) as told:
        await change(home, theirs, mine)
        assert await anext(told) == mine.client_id


async def test_of_a_transfer_on_the_one_hears_no_more_and_the_other_does(
    home: Home, tenant: str
) -> None:
    before, after = new_id(), new_id()
    story, kept = in_care(tenant, before), in_care(tenant, before)
    await arrive(home, story, kept)
    async with (
        hearing(home.person(tenant, before, "clinician")) as former,
        hearing(home.person(tenant, after, "clinician")) as present,
    ):
        await change(home, story)
        assert await anext(former) == story.client_id
        moved = EpisodeTransferred(
            episode_id=story.episode_id,
            client_id=story.client_id,
            to_clinician_id=after,
            at=datetime.now(UTC) - timedelta(seconds=1),
        )
        await also(home, story.add(f"episode-{story.episode_id}", moved))
        assert await anext(present) == story.client_id
        await change(home, story, kept)
        assert await anext(former) == kept.client_id


async def test_a_supervisor_hears_of_the_team_and_a_client_of_themselves(
    home: Home, tenant: str
) -> None:
    lead, member = new_id(), new_id()
    story, other = in_care(tenant, member), in_care(tenant, new_id())
    await arrive(home, story, other)
    await form_team(home, tenant, lead, member)
    async with (
        hearing(home.person(tenant, lead, "supervisor")) as supervisor,
        hearing(home.client(tenant, story.client_id)) as client,
    ):
        await change(home, other, story)
        assert await anext(supervisor) == story.client_id
        assert await anext(client) == story.client_id


async def test_a_machine_hears_no_more_of_who_withdraws(home: Home, tenant: str) -> None:
    story, other = in_care(tenant, None), in_care(tenant, None)
    await arrive(home, story, other)
    async with hearing(home.http(tenant)) as told:
        await change(home, story)
        assert await anext(told) == story.client_id
        await withdraw(home, story, "integrations")
        await change(home, story, other)
        assert await anext(told) == other.client_id


async def test_a_batch_tells_each_of_their_own_and_resumes_after_it(
    home: Home, tenant: str
) -> None:
    me = new_id()
    stories = [in_care(tenant, me if number % 2 else new_id()) for number in range(6)]
    mine = {story.client_id for story in stories[1::2]}
    await arrive(home, *stories)
    async with (
        home.person(tenant, me, "clinician") as http,
        asyncio.timeout(10),
    ):
        async with http.stream("GET", "/v1/stream") as answer:
            lines = fields_in(answer.aiter_lines())
            await home.project(*(story.rate(new_id(), 210, day=8) for story in stories))
            heard = [await anext(lines) for _ in mine]
        assert {json.loads(one["data"])["client_id"] for one in heard} == mine
        last = in_care(tenant, me)
        await arrive(home, last)
        headers = {"Last-Event-ID": heard[-1]["id"]}
        async with http.stream("GET", "/v1/stream", headers=headers) as answer:
            after = await anext(fields_in(answer.aiter_lines()))
        assert json.loads(after["data"])["client_id"] == last.client_id


async def test_a_sign_out_ends_what_is_open(home: Home, tenant: str) -> None:
    me = new_id()
    story = in_care(tenant, me)
    await arrive(home, story)
    caller = home.person(tenant, me, "clinician")
    headers = dict(caller.headers)
    async with hearing(caller) as told:
        out = SignedOut(principal_id=me, principal_kind="person", before=datetime.now(UTC))
        await home.know(Story(me, new_id(), tenant).add(f"sign-in-{me}", out))

        async def refused() -> bool:
            async with httpx.AsyncClient(base_url=home.base_url, headers=headers) as http:
                return (await http.get("/v1/rules")).status_code == 401

        await eventually_async(refused)
        await change(home, story)
        with pytest.raises(StopAsyncIteration):
            await anext(told)


async def test_an_answer_holds_for_a_second_and_no_longer(
    home: Home, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = in_care(tenant, None)
    await arrive(home, story)
    machine = Principal(tenant=tenant, id=new_id(), kind="integration", scopes=frozenset(SCOPES))
    seeing = sight.Sight(home.database)
    monkeypatch.setattr(sight, "KNOWN_SECONDS", 1.0)
    now = 1_000.0
    monkeypatch.setattr("services.outcomes.sight.monotonic", lambda: now)
    ids = [story.client_id]
    assert await seeing.of(machine, VIEWS_READ, ids) == {story.client_id: story.client_id}
    await withdraw(home, story, "integrations")
    now += 0.9
    assert await seeing.of(machine, VIEWS_READ, ids) == {story.client_id: story.client_id}
    now += 0.2
    assert await seeing.of(machine, VIEWS_READ, ids) == {}
