"""What was said and done becomes the view of a client."""

from datetime import timedelta

import pytest
from sqlalchemy import true

from services.outcomes.domain.state import canonical
from services.outcomes.lists import Filters
from services.outcomes.rebuild import verify
from services.outcomes.rows import StaleState
from shared.contracts.intake import ClientDetails
from shared.errors import NotFound
from tests.integration.outcomes.home import Home
from tests.unit.outcomes.story import CLIENT, EPISODE, START, TENANT, Story, rating_id

OTHER_TENANT = "99999999-9999-4999-8999-999999999999"


def a_story() -> Story:
    story = Story()
    story.register()
    story.open()
    story.rate("a", 200, day=0, note="it was hard to come")
    story.rate("b", 300, day=7)
    return story


async def test_a_view_shows_ratings_words_and_signals(home: Home) -> None:
    await home.live(*a_story().events)
    found = await home.views.now(TENANT, CLIENT)
    [series] = found.states[0].said[EPISODE].series
    assert [one.total for one in series.ratings] == [200, 300]
    assert found.notes == {rating_id("a"): "it was hard to come"}
    [*signals] = found.states[0].assessed[EPISODE].signals[rating_id("b")]
    assert {one.rule for one in signals} == {"reliable_deterioration", "session_drop", "lost_gain"}
    assert found.held_back_since is None


async def test_a_batch_gives_what_one_event_after_another_gives(home: Home) -> None:
    story = a_story()
    await home.project(*story.events)
    at_once = await home.views.now(TENANT, CLIENT)
    other = Story("44444444-4444-4444-8444-444444444444", EPISODE)
    other.register()
    other.open()
    other.rate("a", 200, day=0, note="it was hard to come")
    other.rate("b", 300, day=7)
    for event in other.events:
        await home.project(event)
    assert canonical((await home.views.now(TENANT, other.client_id)).states[0]) == canonical(
        at_once.states[0]
    )


async def test_a_view_as_known_at_a_time_knows_nothing_of_later(home: Home) -> None:
    story = a_story()
    corrected = story.correct("a", 250, day=0)
    await home.live(*story.events)
    before = await home.views.at(TENANT, CLIENT, corrected.recorded_at - timedelta(seconds=1))
    [series] = before.states[0].said[EPISODE].series
    assert [one.total for one in series.ratings] == [200, 300]
    assert before.notes == {rating_id("a"): "it was hard to come"}
    now = await home.views.at(TENANT, CLIENT, corrected.recorded_at)
    [series] = now.states[0].said[EPISODE].series
    assert [one.total for one in series.ratings] == [250, 300]
    assert now.notes == {}
    with pytest.raises(NotFound):
        await home.views.at(TENANT, CLIENT, START - timedelta(seconds=1))


async def test_another_tenant_sees_nothing(home: Home) -> None:
    await home.live(*a_story().events)
    with pytest.raises(NotFound):
        await home.views.now(OTHER_TENANT, CLIENT)
    assert await home.views.clients(OTHER_TENANT, Filters(), None, 10, true()) == []
    assert await home.views.caseload(OTHER_TENANT, Filters(), None, 10, true()) == []


async def test_an_erased_client_never_fails_anything(home: Home) -> None:
    story = a_story()
    await home.live(*story.events)
    batch = await home.records([story.rate("c", 310, day=14), story.correct("a", 210, day=0)])
    await home.keyring.destroy((TENANT, CLIENT))
    await home.handle(home.projector, batch)
    await home.handle(home.assessor, batch)
    found = await home.views.now(TENANT, CLIENT)
    [series] = found.states[0].said[EPISODE].series
    assert [one.id for one in series.ratings if one.erased] == [rating_id("a"), rating_id("c")]
    assert found.notes == {}
    assert (await home.views.at(TENANT, CLIENT, START + timedelta(days=1))).notes == {}


async def test_a_state_written_by_another_worker_in_the_meantime_is_not_overwritten(
    home: Home,
) -> None:
    registered, opened, *_ = await home.records(a_story().events)
    async with home.database.session(TENANT) as conn:
        late = await home.projector.prepare(conn, [opened])
    await home.handle(home.projector, [registered])
    with pytest.raises(StaleState):
        async with home.database.session(TENANT) as conn:
            await late.apply(conn)
    await home.handle(home.projector, [opened])
    found = await home.views.now(TENANT, CLIENT)
    assert found.states[0].registered_at is not None
    assert EPISODE in found.states[0].care


async def test_summaries_pass_filters_and_follow_the_ratings(home: Home) -> None:
    story = a_story()
    await home.live(*story.events)
    worse = Filters(classification="deteriorated", measure="bdi", status="open")
    [row] = await home.views.caseload(TENANT, worse, None, 10, true())
    assert (row.baseline, row.latest, row.change, row.ratings) == (200, 300, 100, 2)
    await home.live(story.void("b"), story.close(day=30))
    assert await home.views.caseload(TENANT, worse, None, 10, true()) == []
    [client] = await home.views.clients(TENANT, Filters(status="closed"), None, 10, true())
    assert [one.ratings for one in client.summaries] == [1]
    await home.live(story.void("a"))
    [client] = await home.views.clients(TENANT, Filters(), None, 10, true())
    assert client.summaries == []


async def test_of_who_a_client_is_only_the_sex_for_norms_is_kept(home: Home) -> None:
    story = Story()
    story.register(ClientDetails(given_name="Ada", family_name="Byron", sex_for_norms="female"))
    story.open()
    story.rate("a", 200, day=0)
    await home.live(*story.events)
    state = (await home.views.now(TENANT, CLIENT)).states[0]
    assert state.sex == "female"
    for name in (b"Ada", b"Byron"):
        assert name not in canonical(state)
    assert await verify(home.reader, home.keyring, 1) == []
    await home.keyring.destroy((TENANT, CLIENT))
    assert await verify(home.reader, home.keyring, 1) == []
