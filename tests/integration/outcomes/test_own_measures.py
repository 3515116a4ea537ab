"""An organisation's own measures: a rating and its definition may come in either order."""

import asyncio

import msgspec
import pytest
from sqlalchemy import true

from services.outcomes.definitions import BrokenDefinition
from services.outcomes.lists import Filters
from services.outcomes.rebuild import verify
from shared.contracts import Event, Recorded
from shared.contracts.feedback import MeasureContent, MeasurePublished
from shared.database import driver
from shared.ids import new_id
from shared.measures import Definition, measure
from tests.integration.outcomes.home import Home
from tests.unit.outcomes.story import Story, rating_id

KEY = "our-own"


def own(version: int = 1) -> Definition:
    """A measure like another under a name of their own."""
    return msgspec.structs.replace(measure("bdi"), key=KEY, version=version, wording={})


def published(tenant: str, version: int = 1, document: bytes | None = None) -> Recorded[Event]:
    """Feedback's word of it, as an event of the organisation."""
    text = (document or msgspec.json.encode(own(version))).decode()
    data = MeasurePublished(
        key=KEY, definition_version=version, private=MeasureContent(document=text)
    )
    story = Story(tenant, new_id(), tenant)
    event = story.add(f"measure-{KEY}", data, event_id=new_id())
    return msgspec.structs.replace(event, version=version)


def a_story(tenant: str) -> Story:
    """Somebody gets worse on the measure."""
    story = Story(new_id(), new_id(), tenant)
    story.register()
    story.open()
    story.rate(f"{tenant} {story.client_id} a", 200, day=0, measure=KEY)
    story.rate(f"{tenant} {story.client_id} b", 300, day=7, measure=KEY)
    return story


async def seen(home: Home, story: Story) -> tuple[str | None, set[str]]:
    """The class of the only series, and the rules that hold for its latest rating."""
    async with home.http(story.tenant) as http:
        view = (await http.get(f"/v1/clients/{story.client_id}")).json()
    [series] = view["episodes"][0]["series"]
    return series["classification"], {one["rule"] for one in series["ratings"][-1]["signals"]}


async def waiting(home: Home, tenant: str) -> int:
    """How many clients wait, group by group."""
    async with home.database.session(tenant) as conn:
        found: int = await driver(conn).fetchval("SELECT count(*) FROM waiting")
    return found


async def test_ratings_are_judged_by_what_the_organisation_published(shared_home: Home) -> None:
    home, tenant = shared_home, new_id()
    story = a_story(tenant)
    await home.live(published(tenant), *story.events)
    classification, signals = await seen(home, story)
    assert classification == "deteriorated"
    assert signals >= {"reliable_deterioration", "session_drop"}
    assert await waiting(home, tenant) == 0


async def test_a_definition_that_comes_late_is_waited_for(shared_home: Home) -> None:
    home, tenant = shared_home, new_id()
    story = a_story(tenant)
    await home.live(*story.events)
    assert await seen(home, story) == (None, set())
    assert await home.store.read(tenant, f"assessment-{story.episode_id}") == []
    assert await waiting(home, tenant) == 2
    await home.live(published(tenant))
    await home.project_assessments(story.events)
    classification, signals = await seen(home, story)
    assert classification == "deteriorated"
    assert signals >= {"reliable_deterioration", "session_drop"}
    assert await waiting(home, tenant) == 0
    [row] = await home.views.caseload(tenant, Filters(), None, 10, true())
    assert (row.is_primary, row.classification) == (True, "deteriorated")


async def test_another_version_is_waited_for_by_itself(shared_home: Home) -> None:
    home, tenant = shared_home, new_id()
    story = a_story(tenant)
    story.rate(f"{tenant} c", 310, day=14, measure=KEY, definition=2)
    await home.live(published(tenant), *story.events)
    said = await home.store.read(tenant, f"assessment-{story.episode_id}")
    assert rating_id(f"{tenant} c") not in {one.data.rating_id for one in said}  # type: ignore[attr-defined]
    await home.live(published(tenant, 2))
    said = await home.store.read(tenant, f"assessment-{story.episode_id}")
    assert said[-1].data.rating_id == rating_id(f"{tenant} c")  # type: ignore[attr-defined]


async def test_those_beyond_a_batch_follow_with_the_next_one(
    shared_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, tenant = shared_home, new_id()
    stories = [a_story(tenant) for _ in range(5)]
    await home.live(*(event for story in stories for event in story.events))
    monkeypatch.setattr("services.outcomes.definitions.AT_ONCE", 3)
    await home.live(published(tenant))
    assert await waiting(home, tenant) == 4
    await home.live(Story(new_id(), new_id(), tenant).register())
    assert await waiting(home, tenant) == 0
    for story in stories:
        await home.project_assessments(story.events)
        assert (await seen(home, story))[0] == "deteriorated"


async def test_nobody_is_left_waiting_where_both_come_at_once(shared_home: Home) -> None:
    home = shared_home
    for _ in range(20):
        tenant = new_id()
        story = a_story(tenant)
        ratings, definition = (
            await home.records(story.events),
            await home.records([published(tenant)]),
        )
        for handler in (home.projector, home.assessor):
            await asyncio.gather(home.handle(handler, ratings), home.handle(handler, definition))
        assert await waiting(home, tenant) == 0
        assert len(await home.store.read(tenant, f"assessment-{story.episode_id}")) == 2


async def test_what_is_no_definition_is_refused_by_the_event_that_brings_it(
    shared_home: Home,
) -> None:
    tenant = new_id()
    for document in (b"{}", msgspec.json.encode(own(2))):
        event = published(tenant, 1, document)
        with pytest.raises(BrokenDefinition) as refused:
            await shared_home.assess(event)
        assert refused.value.event_id == event.id  # type: ignore[attr-defined]


async def test_one_organisation_has_no_use_for_the_measure_of_another(shared_home: Home) -> None:
    home, tenant = shared_home, new_id()
    story = a_story(tenant)
    await home.live(published(new_id()), *story.events)
    assert await seen(home, story) == (None, set())


async def test_a_rebuild_reads_them_too(shared_home: Home) -> None:
    home, tenant = shared_home, new_id()
    story = a_story(tenant)
    await home.live(published(tenant), *story.events)
    assert [one for one in await verify(home.reader, home.keyring, 1) if one.tenant == tenant] == []
