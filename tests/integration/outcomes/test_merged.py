"""Clients who turned out to be one person: one view, one line in lists, the strictest consent."""

import asyncio
import json
from datetime import timedelta

import pytest

from shared.contracts.intake import (
    ClientsMerged,
    ClientsUnmerged,
    ErasureRefused,
    MeasuringChanged,
    MergeReason,
)
from shared.ids import new_id
from tests.integration.outcomes.home import Home
from tests.integration.outcomes.reaching import (
    also,
    arrive,
    in_care,
    listed,
    looks,
    seen_by,
    withdraw,
)
from tests.support.front_door import fields_in
from tests.unit.outcomes.story import START, Story


@pytest.fixture
def home(shared_home: Home) -> Home:
    """The shared service; every test has a tenant of its own."""
    return shared_home


@pytest.fixture
def tenant() -> str:
    return new_id()


async def merge(home: Home, alias: Story, into: Story) -> None:
    reason = MergeReason(reason="registered twice")
    merged = ClientsMerged(client_id=alias.client_id, into=into.client_id, private=reason)
    await also(home, alias.of_client(merged))


async def two(home: Home, tenant: str) -> tuple[Story, Story]:
    """An alias and the client that it was merged into, each with an episode of a clinician."""
    alias, into = in_care(tenant, new_id()), in_care(tenant, new_id())
    await arrive(home, alias, into)
    await merge(home, alias, into)
    return alias, into


async def test_either_id_shows_the_episodes_of_both(home: Home, tenant: str) -> None:
    alias, into = await two(home, tenant)
    async with home.http(tenant) as http:
        views = [(await seen_by(http, one.client_id)).json() for one in (alias, into)]
        then = START + timedelta(days=1)
        past = [
            (await seen_by(http, one.client_id, as_known_at=then.isoformat())).json()
            for one in (alias, into)
        ]
    assert views[0] == views[1]
    assert past[0] == past[1]
    for view in (views[0], past[0]):
        assert (view["client_id"], view["aliases"]) == (into.client_id, [alias.client_id])
        found = {episode["id"]: len(episode["series"]) for episode in view["episodes"]}
        assert found == {alias.episode_id: 1, into.episode_id: 1}
    # The look is at the client who was asked for.
    assert [one[-1] for one in await looks(home, tenant)] == [
        alias.client_id,
        into.client_id,
        alias.client_id,
        into.client_id,
    ]


async def test_whoever_cares_for_one_of_them_cares_for_the_person(home: Home, tenant: str) -> None:
    mine, other = new_id(), new_id()
    alias, into, stranger = in_care(tenant, mine), in_care(tenant, other), in_care(tenant, other)
    await arrive(home, alias, into, stranger)
    await merge(home, alias, into)
    async with home.person(tenant, mine, "clinician") as http:
        for one in (alias, into):
            assert len((await seen_by(http, one.client_id)).json()["episodes"]) == 2
        assert await listed(http) == [into.client_id]
        assert (await seen_by(http, stranger.client_id)).status_code == 404
    async with home.client(tenant, alias.client_id) as http:
        assert len((await seen_by(http, into.client_id)).json()["episodes"]) == 2


async def test_lists_have_them_once_under_the_id_that_goes_on(home: Home, tenant: str) -> None:
    alias, into = await two(home, tenant)
    async with home.http(tenant) as http:
        [one] = (await http.get("/v1/clients")).json()["items"]
        lines = (await http.get("/v1/caseload")).json()["items"]
        assert await listed(http, "/v1/clients?measure=bdi&status=open") == [into.client_id]
    assert (one["client_id"], one["aliases"]) == (into.client_id, [alias.client_id])
    episodes = {alias.episode_id, into.episode_id}
    assert {series["episode_id"] for series in one["series"]} == episodes
    assert {line["episode_id"] for line in lines} == episodes
    assert {line["client_id"] for line in (*one["series"], *lines)} == {into.client_id}


async def test_a_filter_that_only_an_aliass_series_passes_finds_the_person(
    home: Home, tenant: str
) -> None:
    alias, into = in_care(tenant, None), in_care(tenant, None)
    alias.rate(f"{alias.client_id} ors", 200, day=1, measure="ors")
    await arrive(home, alias, into)
    await merge(home, alias, into)
    async with home.http(tenant) as http:
        assert await listed(http, "/v1/clients?measure=ors") == [into.client_id]


async def test_the_strictest_consent_and_the_strictest_measuring_count(
    home: Home, tenant: str
) -> None:
    alias, into = await two(home, tenant)
    declined = MeasuringChanged(client_id=alias.client_id, state="declined")
    await also(home, alias.of_client(declined))
    async with home.http(tenant) as http:
        assert (await seen_by(http, into.client_id)).json()["measuring"] == "declined"
        await withdraw(home, alias, "integrations")
        for one in (alias, into):
            assert (await seen_by(http, one.client_id)).status_code == 403
        for path in ("/v1/clients", "/v1/caseload"):
            assert await listed(http, path) == []


async def test_what_is_restricted_of_one_of_them_shows_under_neither_id(
    home: Home, tenant: str
) -> None:
    alias, into = await two(home, tenant)
    refused = ErasureRefused(
        request_id=new_id(), client_id=alias.client_id, refused_by=new_id(), restricted=True
    )
    await also(home, alias.of_client(refused))
    async with home.http(tenant) as http:
        assert (await seen_by(http, alias.client_id)).status_code == 403
        for path in ("/v1/clients", "/v1/caseload"):
            assert alias.episode_id not in (await http.get(path)).text
        assert alias.episode_id not in (await seen_by(http, into.client_id)).text


async def test_what_a_wrong_merge_showed_is_hidden_again_also_in_the_past(
    home: Home, tenant: str
) -> None:
    mine = new_id()
    alias, into = in_care(tenant, mine), in_care(tenant, new_id())
    await arrive(home, alias, into)
    await merge(home, alias, into)
    reason = MergeReason(reason="they are two")
    apart = ClientsUnmerged(client_id=alias.client_id, was=into.client_id, private=reason)
    await also(home, alias.of_client(apart))
    async with home.person(tenant, mine, "clinician") as http:
        for query in ({}, {"as_known_at": (START + timedelta(days=1)).isoformat()}):
            view = (await seen_by(http, alias.client_id, **query)).json()
            assert (view["client_id"], view["aliases"]) == (alias.client_id, [])
            assert [one["id"] for one in view["episodes"]] == [alias.episode_id]
            assert (await seen_by(http, into.client_id, **query)).status_code == 404
        assert await listed(http) == [alias.client_id]


async def test_a_position_of_the_view_of_one_is_reached_by_the_view_of_the_other(
    home: Home, tenant: str
) -> None:
    alias, into = await two(home, tenant)
    async with home.http(tenant) as http:
        position = (await seen_by(http, alias.client_id)).json()["position"]
        again = await seen_by(http, into.client_id, min_position=position)
    assert again.status_code == 200


async def test_the_stream_tells_of_the_person_by_the_id_that_goes_on(
    home: Home, tenant: str
) -> None:
    alias, into = await two(home, tenant)
    async with (
        home.http(tenant) as http,
        http.stream("GET", "/v1/stream") as answer,
        asyncio.timeout(5),
    ):
        messages = fields_in(answer.aiter_lines())
        await home.project(alias.rate(f"{alias.client_id} c", 250, day=9))
        told = json.loads((await anext(messages))["data"])
    assert told["client_id"] == into.client_id
