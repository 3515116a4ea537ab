"""What the view says beside the scores: what was expected, targets, sudden gains, how it ended."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.contracts.intake import Ending, EpisodeClosed
from shared.contracts.outcomes import ExpectedResponseFitted
from shared.eventstore import Append, NewEvent, Write
from shared.ids import new_id
from shared.measures.curves import seed_curve
from tests.integration.outcomes.home import Home
from tests.unit.outcomes.story import START, Story, rating_id, recorded_on


async def publish_curve(home: Home, tenant: str, *, day: float) -> ExpectedResponseFitted:
    """A curve that counts from a day on: people with 30 points get to 20, give or take two."""
    event = ExpectedResponseFitted(
        measure="bdi",
        age_group="adult",
        curve_version=1,
        fitted_at=START,
        effective_from=START + timedelta(days=day),
        intercept=20.0,
        slope=0.0,
        baseline_effect=1.0,
        interaction=0.0,
        baseline_mean=30.0,
        g00=3.0,
        g01=0.0,
        g11=0.0,
        variance=1.0,
        longest=16,
        episodes=400,
        ratings=5000,
    )
    append = Append(
        tenant=tenant,
        stream=f"curve-{tenant}",
        expected=0,
        events=[NewEvent(id=new_id(), data=event)],
        subject=tenant,
        secret_of=tenant,
    )
    async with home.database.session(tenant) as conn:
        await home.store.write_in(conn, [Write(tenant=tenant, appends=[append])])
    return event


def a_story(*totals: int) -> Story:
    """A rating a week, each recorded on its day."""
    story = Story(new_id(), new_id(), new_id())
    story.register()
    story.open()
    for week, total in enumerate(totals):
        rated = story.rate(str(week), total, day=7 * week)
        story.events[-1] = recorded_on(rated, 7 * week)
    return story


async def series_of(home: Home, story: Story, **query: Any) -> dict[str, Any]:
    """The only series of the client's view."""
    async with home.http(story.tenant) as http:
        answer = await http.get(f"/v1/clients/{story.client_id}", params=query)
    assert answer.status_code == 200, answer.text
    [series] = answer.json()["episodes"][0]["series"]
    found: dict[str, Any] = series
    return found


async def test_until_there_is_a_fit_a_seed_says_what_to_expect_and_that_it_is_one(
    shared_home: Home,
) -> None:
    story = a_story(300, 280, 270)
    await shared_home.live(*story.events)
    series = await series_of(shared_home, story)
    first, second, third = series["ratings"]
    seed = seed_curve("bdi", "adult")
    assert seed is not None
    assert (first["expected"], first["band"], first["curve"]) == (None, None, None)
    for ordinal, rating in enumerate((second, third), 2):
        assert rating["curve"] == {"kind": "seed", "version": seed.version}
        assert rating["expected"] == pytest.approx(seed.expected(ordinal, 300) / 10, abs=0.005)
        assert list(rating["band"]) == ["10", "25", "50", "75", "90"]
        assert rating["band"]["90"] == pytest.approx(
            seed.percentile(ordinal, 300, 90) / 10, abs=0.005
        )
    assert series["targets"]["curve"] == {"kind": "seed", "version": seed.version}


async def test_a_fitted_curve_is_shown_with_the_ratings_recorded_under_it_alone(
    shared_home: Home,
) -> None:
    story = a_story(300, 290, 250, 210)
    await publish_curve(shared_home, story.tenant, day=14)
    await shared_home.live(*story.events)
    series = await series_of(shared_home, story)
    kinds = [one["curve"] and one["curve"]["kind"] for one in series["ratings"]]
    assert kinds == [None, "seed", "fitted", "fitted"]
    latest = series["ratings"][-1]
    assert latest["expected"] == 20.0
    assert latest["band"] == {"10": 17.44, "25": 18.65, "50": 20.0, "75": 21.35, "90": 22.56}
    assert series["targets"] == {
        "plateau": 20.0,
        "two_thirds": 23.3,
        "half": 25.0,
        "reached": "67",
        "curve": {"kind": "fitted", "version": 1},
    }


async def test_sudden_gains_and_losses_are_listed_with_their_ratings(shared_home: Home) -> None:
    story = a_story(300, 310, 300, 150, 160, 150, 300, 310, 300)
    await shared_home.live(*story.events)
    series = await series_of(shared_home, story)
    assert series["sudden_gains"] == [
        {"from": rating_id("2"), "to": rating_id("3"), "size": 15.0, "reversed": True}
    ]
    assert series["sudden_losses"] == [
        {"from": rating_id("5"), "to": rating_id("6"), "size": 15.0, "reversed": False}
    ]
    before = await series_of(
        shared_home, story, as_known_at=(START + timedelta(days=36)).isoformat()
    )
    assert (len(before["sudden_gains"]), before["sudden_gains"][0]["reversed"]) == (1, False)
    assert before["sudden_losses"] == []


@pytest.mark.parametrize(
    ("ending", "total", "is_marked"),
    [("unplanned", 300, True), ("planned", 300, False), ("unplanned", 100, False)],
)
async def test_an_unplanned_ending_on_the_clinical_side_is_a_mark_on_the_last_rating(
    shared_home: Home, ending: Ending, total: int, is_marked: bool
) -> None:
    story = a_story(320, total)
    closed = EpisodeClosed(
        episode_id=story.episode_id,
        client_id=story.client_id,
        closed_at=START + timedelta(days=20),
        ending=ending,
    )
    story.add(f"episode-{story.episode_id}", closed)
    await shared_home.live(*story.events)
    first, last = (await series_of(shared_home, story))["ratings"]
    assert "unplanned_ending" not in {one["rule"] for one in first["signals"]}
    assert ("unplanned_ending" in {one["rule"] for one in last["signals"]}) is is_marked


async def test_each_rating_says_its_session_and_definition(shared_home: Home) -> None:
    story = a_story(300)
    story.session("first", day=7)
    story.rate("named", 290, day=7, session="first")
    await shared_home.live(*story.events)
    async with shared_home.http(story.tenant) as http:
        view = (await http.get(f"/v1/clients/{story.client_id}")).json()
    [episode] = view["episodes"]
    unnamed, named = episode["series"][0]["ratings"]
    assert (unnamed["session_id"], named["session_id"]) == (None, episode["sessions"][0]["id"])
    assert named["definition_version"] == 1


async def test_a_moved_rating_is_shown_where_it_went(shared_home: Home) -> None:
    story = a_story(300, 290)
    other = Story(story.client_id, new_id(), story.tenant)
    other.open()
    story.move("1", other.episode_id)
    other.rate("1", 290, day=7, moved_from=story.episode_id)
    await shared_home.live(*story.events, *other.events)
    async with shared_home.http(story.tenant) as http:
        view = (await http.get(f"/v1/clients/{story.client_id}")).json()
    shown = {
        episode["id"]: [one["id"] for series in episode["series"] for one in series["ratings"]]
        for episode in view["episodes"]
    }
    assert shown == {story.episode_id: [rating_id("0")], other.episode_id: [rating_id("1")]}


async def test_what_was_recorded_before_is_never_read_with_a_later_curve(
    shared_home: Home,
) -> None:
    story = a_story(300, 290, 310)
    await shared_home.live(*story.events)
    before = await series_of(shared_home, story)
    await publish_curve(shared_home, story.tenant, day=(datetime.now(UTC) - START).days)
    assert await series_of(shared_home, story) == before


async def test_off_the_track_of_a_fitted_curve_twice_in_a_row_is_a_signal(
    shared_home: Home,
) -> None:
    story = a_story(300, 300, 300, 300)
    await publish_curve(shared_home, story.tenant, day=14)
    await shared_home.live(*story.events)
    ratings = (await series_of(shared_home, story))["ratings"]
    off = [[one for one in rating["signals"] if one["rule"] == "off_track"] for rating in ratings]
    assert [len(one) for one in off] == [0, 0, 0, 1]
    assert (off[3][0]["severity"], off[3][0]["thresholds"]["percentile_90"]) == ("high", 22.56)
    said = await shared_home.store.read(story.tenant, f"assessment-{story.episode_id}")
    assert [one.data.curve_version for one in said] == [None, None, 1, 1]  # type: ignore[attr-defined]
