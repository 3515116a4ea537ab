"""What callers read over HTTP."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared.eventstore.position import decode_position, encode_position
from shared.ids import new_id
from tests.integration.outcomes.home import Home
from tests.unit.outcomes.story import Story, rating_id

POINTS_OF_B = 30.0


@pytest.fixture
def home(shared_home: Home) -> Home:
    """The shared service; every story has a tenant of its own."""
    return shared_home


def a_story(tenant: str | None = None) -> Story:
    story = Story(new_id(), new_id(), tenant or new_id())
    story.register()
    story.open()
    story.session("first", day=0)
    story.rate("a", 200, day=0, note="<script>it was hard to come</script>")
    story.rate("b", 300, day=7)
    return story


async def get(home: Home, tenant: str, path: str, **query: Any) -> httpx.Response:
    async with home.http(tenant) as http:
        return await http.get(path, params=query)


async def test_the_client_outcome_view_has_the_shape_of_the_contract(home: Home) -> None:
    story = a_story()
    await home.live(*story.events)
    answer = await get(home, story.tenant, f"/v1/clients/{story.client_id}")
    assert answer.status_code == 200
    view = answer.json()
    assert view["client_id"] == story.client_id
    assert view["held_back_since"] is None
    assert isinstance(view["position"], str)
    [episode] = view["episodes"]
    assert (episode["id"], episode["status"]) == (story.episode_id, "open")
    [session] = episode["sessions"]
    assert session["status"] == "held"
    [series] = episode["series"]
    assert {
        key: series[key]
        for key in ("measure", "rater", "baseline", "latest", "change", "reliable_change")
    } == {
        "measure": "bdi",
        "rater": {"kind": "self", "id": None},
        "baseline": 20.0,
        "latest": POINTS_OF_B,
        "change": 10.0,
        "reliable_change": 8.46,
    }
    assert series["classification"] == "deteriorated"
    first, second = series["ratings"]
    assert first["id"] == rating_id("a")
    assert first["granularity"] == "total_only"
    assert first["note"] == "<script>it was hard to come</script>"
    assert first["occurred_at"] == "2024-01-08T09:00:00Z"
    assert {one["rule"] for one in second["signals"]} == {
        "reliable_deterioration",
        "session_drop",
        "lost_gain",
    }
    [worse] = [one for one in second["signals"] if one["rule"] == "reliable_deterioration"]
    assert worse["inputs"] == {"baseline": 20.0, "latest": POINTS_OF_B}
    assert worse["thresholds"] == {"reliable_change": 8.46}


async def test_a_view_as_known_at_a_time_over_http(home: Home) -> None:
    story = a_story()
    corrected = story.correct("a", 250, day=0)
    await home.live(*story.events)
    path = f"/v1/clients/{story.client_id}"
    before = corrected.recorded_at - timedelta(milliseconds=1)
    then = await get(home, story.tenant, path, as_known_at=before.isoformat())
    now = await get(home, story.tenant, path)
    assert then.json()["episodes"][0]["series"][0]["baseline"] == 20.0
    assert now.json()["episodes"][0]["series"][0]["baseline"] == 25.0
    long_ago = await get(home, story.tenant, path, as_known_at="1999-01-01T00:00:00Z")
    assert long_ago.status_code == 404


async def test_another_tenants_client_is_404(home: Home) -> None:
    # Not a UUIDv7: nobody has to wait to know that it is not on its way.
    story = Story(str(uuid4()), new_id(), new_id())
    story.register()
    await home.live(*story.events)
    assert (await get(home, story.tenant, f"/v1/clients/{story.client_id}")).status_code == 200
    stranger = await get(home, new_id(), f"/v1/clients/{story.client_id}")
    assert stranger.status_code == 404
    for path in ("/v1/clients", "/v1/caseload"):
        assert (await get(home, new_id(), path)).json() == {"items": [], "next": None}


async def test_a_client_of_whom_word_may_be_on_its_way_is_503(home: Home) -> None:
    answer = await get(home, new_id(), f"/v1/clients/{new_id()}")
    assert answer.status_code == 503
    assert answer.json()["code"] == "not_yet_here"
    assert int(answer.headers["retry-after"]) >= 1


async def test_lists_come_in_pages_that_meet_nobody_twice(home: Home) -> None:
    tenant = new_id()
    stories = [a_story(tenant) for _ in range(5)]
    for story in stories:
        await home.project(*story.events)
    async with home.http(tenant) as http:
        for path in ("/v1/clients", "/v1/caseload"):
            found: list[str] = []
            url = f"{path}?limit=2"
            while url:
                answer = await http.get(url)
                found += [one["client_id"] for one in answer.json()["items"]]
                following = answer.json()["next"]
                assert (following is not None) == ("link" in answer.headers)
                url = f"{path}?limit=2&cursor={following}" if following else ""
            assert found == sorted(story.client_id for story in stories)


async def test_filters_choose_and_other_values_are_refused(home: Home) -> None:
    story = a_story()
    await home.live(*story.events)
    for query, count in (
        ({"classification": "deteriorated"}, 1),
        ({"classification": "improved"}, 0),
        ({"status": "closed"}, 0),
        ({"measure": "bdi", "status": "open"}, 1),
        ({"clinician_id": new_id()}, 0),
    ):
        for path in ("/v1/clients", "/v1/caseload"):
            answer = await get(home, story.tenant, path, **query)
            assert len(answer.json()["items"]) == count, (path, query)


async def test_a_measure_that_nobody_has_is_422_and_no_empty_list(home: Home) -> None:
    for path in ("/v1/clients", "/v1/caseload"):
        answer = await get(home, new_id(), path, measure="nonsense")
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/measure")
        assert "nonsense" not in answer.text


async def test_a_reader_waits_for_what_was_written_and_not_for_ever(home: Home) -> None:
    story = a_story()
    *first, last = story.events
    await home.live(*first)
    path = f"/v1/clients/{story.client_id}"
    # The kernel writes versions; here nobody has, so it is never reached.
    position = encode_position("feedback", last.stream, last.version)
    answer = await get(home, story.tenant, path, min_position=position)
    assert (answer.status_code, answer.json()["code"]) == (503, "not_yet_here")
    seen = (await get(home, story.tenant, path)).json()["position"]
    assert (await get(home, story.tenant, path, min_position=seen)).status_code == 200
    waiting = asyncio.create_task(
        get(home, story.tenant, path, min_position=following(story, seen))
    )
    await home.live(last)
    answer = await waiting
    assert answer.status_code == 200
    assert answer.json()["episodes"][0]["series"][0]["latest"] == POINTS_OF_B


def following(story: Story, position: str) -> str:
    """The position after one more change of the view."""
    return encode_position(
        "outcomes", f"client-{story.client_id}", decode_position(position).version + 1
    )


@pytest.mark.parametrize(
    "query",
    [
        "/v1/clients?limit=1e9",
        "/v1/clients?limit=201",
        "/v1/clients?limit=0",
        "/v1/clients?cursor=nonsense",
        "/v1/clients?cursor=%00",
        "/v1/caseload?cursor=gqhub25zZW5zZQE",
        "/v1/clients?status=sleeping",
        "/v1/clients?classification=harmed",
        "/v1/clients?measure=%00",
        "/v1/clients?clinician_id=me",
        "/v1/clients/1' OR 1=1",
        "/v1/clients/../../etc/passwd",
        "/v1/clients/{client}?as_known_at=2024-01-01T00:00:00",
        "/v1/clients/{client}?as_known_at=yesterday",
        "/v1/clients/{client}?as_known_at=2190-01-01T00:00:00Z",
        "/v1/clients/{client}?as_known_at=36",
        "/v1/clients/{client}?min_position=nonsense",
        "/v1/clients/{client}?min_position=" + "a" * 600,
        "/v1/clients/{client}?min_position=" + encode_position("alerts", "alert-1", 1),
    ],
)
async def test_bad_input_is_a_clear_problem(home: Home, query: str) -> None:
    client = str(uuid4())
    async with home.http(new_id()) as http:
        answer = await http.get(query.replace("{client}", client))
    assert answer.status_code in (404, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code


async def test_no_token_401_and_no_scope_403(home: Home) -> None:
    for path in (
        "/v1/clients",
        "/v1/caseload",
        f"/v1/clients/{new_id()}",
        "/v1/rules",
        "/v1/stream",
    ):
        async with httpx.AsyncClient(base_url=home.base_url) as http:
            assert (await http.get(path)).status_code == 401
        async with home.http(new_id(), ["feedback.read", "outcomes.write"]) as http:
            assert (await http.get(path)).status_code == 403


async def test_the_rules_are_data(home: Home) -> None:
    [rules] = (await get(home, new_id(), "/v1/rules")).json()["items"]
    assert (rules["key"], rules["version"]) == ("default", 2)
    [stalled] = [one for one in rules["rules"] if one["id"] == "stalled"]
    assert stalled["kind"] == "checkpoint"
    assert stalled["thresholds"] == {"window": "5"}
