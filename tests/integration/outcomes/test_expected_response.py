"""The expected response: whose ratings it is fitted from, and how a fit is published."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from services.outcomes.expected.job import Report, fit_expected
from services.outcomes.expected.publishing import curve_stream, curves_of, publish
from services.outcomes.expected.sample import read_sample
from shared.contracts import Event, Recorded
from shared.contracts.feedback import RatingContent, RatingSubmitted
from shared.contracts.intake import (
    ClientsMerged,
    ConsentGiven,
    ConsentWithdrawn,
    EpisodeClosed,
    EpisodeReopened,
    ErasureRefused,
)
from shared.contracts.outcomes import ExpectedResponseFitted
from shared.contracts.people import ConsentPolicySet
from shared.database import driver
from shared.eventstore import EventStore, WrongVersion
from shared.ids import derived_id, new_id
from shared.measures.expected import Course, in_force
from shared.measures.fit import Fit, fit
from tests.integration.outcomes.home import KEY, Home
from tests.support.paths import REPOSITORY
from tests.support.simulated import simulated
from tests.unit.outcomes.story import START, TENANT, Story

MEASURE = "ors"


def a_course(scores: Sequence[int], name: str = "", tenant: str = TENANT) -> Story:
    """A client with one open episode and these scores (tenths), a week apart."""
    name = name or new_id()
    story = Story(derived_id("client", name), derived_id("episode", name), tenant)
    story.register()
    story.open()
    for week, score in enumerate(scores):
        story.rate(f"{story.client_id} {week}", score, day=7 * week, measure=MEASURE)
    return story


def decide(story: Story, kind: type[ConsentGiven | ConsentWithdrawn], *, day: int) -> None:
    """The client decides on service statistics, and on research the other way round."""
    other = ConsentWithdrawn if kind is ConsentGiven else ConsentGiven
    at = START + timedelta(days=day)
    stream = f"client-{story.client_id}"
    story.add(stream, kind(client_id=story.client_id, purpose="service_statistics", at=at))
    story.add(stream, other(client_id=story.client_id, purpose="research", at=at))


async def sample_of(home: Home, *stories: Story) -> list[Course]:
    await home.project(*(event for story in stories for event in story.events))
    await home.know(*(event for story in stories for event in story.events))
    return (await read_sample(home.database, TENANT, MEASURE)).courses


@pytest.fixture
async def store(home: Home) -> AsyncIterator[EventStore]:
    """The store of outcomes, taking writes."""
    await home.store.start()
    yield home.store
    await home.store.stop()


async def project_simulated(home: Home, number: int) -> None:
    events = [
        event
        for course in simulated(number)
        if len(course.scores) >= 2
        for event in a_course(course.scores, course.episode_id).events
    ]
    for start in range(0, len(events), 1_000):
        await home.project(*events[start : start + 1_000])


async def test_every_course_is_in_the_sample_however_it_ended(home: Home) -> None:
    still_open, planned, unplanned, reopened = (a_course([100, 150 + n]) for n in range(4))
    planned.close(day=20)
    for story in (unplanned, reopened):
        closed = EpisodeClosed(
            episode_id=story.episode_id,
            client_id=story.client_id,
            closed_at=START + timedelta(days=20),
            ending="unplanned",
        )
        story.add(f"episode-{story.episode_id}", closed)
    again = EpisodeReopened(
        episode_id=reopened.episode_id, client_id=reopened.client_id, at=closed.closed_at
    )
    reopened.add(f"episode-{reopened.episode_id}", again)
    found = await sample_of(home, still_open, planned, unplanned, reopened)
    assert sorted(found, key=lambda one: one.scores[-1]) == [
        Course(still_open.episode_id, "adult", "open", (100, 150)),
        Course(planned.episode_id, "adult", "planned", (100, 151)),
        Course(unplanned.episode_id, "adult", "unplanned", (100, 152)),
        Course(reopened.episode_id, "adult", "open", (100, 153)),
    ]


async def test_a_course_is_in_clinical_order_without_what_has_no_score(home: Home) -> None:
    story = a_course([100, 150])
    story.rate("no score", None, day=8, measure=MEASURE)
    story.rate("late", 120, day=3, measure=MEASURE)
    story.rate("another measure", 90, day=4, measure="bdi")
    story.rate("void", 390, day=5, measure=MEASURE)
    story.void("void", measure=MEASURE)
    [course] = await sample_of(home, story)
    assert course.scores == (100, 120, 150)


async def test_the_ratings_of_others_and_late_baselines_are_not_in_it(home: Home) -> None:
    story = a_course([100, 150])
    for week in range(2):
        rating = RatingSubmitted(
            rating_id=derived_id("a mother's", str(week)),
            episode_id=story.episode_id,
            client_id=story.client_id,
            measure=MEASURE,
            definition_version=1,
            rater_kind="caretaker",
            occurred_at=START + timedelta(days=7 * week),
            private=RatingContent(total=300),
        )
        story.add(f"feedback-{story.episode_id}", rating)
    late = Story(new_id(), new_id())
    late.register()
    late.open()
    late.rate(f"{late.client_id} a", 100, day=31, measure=MEASURE)
    late.rate(f"{late.client_id} b", 200, day=38, measure=MEASURE)
    assert [one.episode_id for one in await sample_of(home, story, late)] == [story.episode_id]


async def test_who_does_not_consent_to_service_statistics_is_not_in_it(home: Home) -> None:
    silent, given, withdrawn, back, looked_back = (a_course([100, 150]) for _ in range(5))
    decide(given, ConsentGiven, day=1)
    decide(withdrawn, ConsentGiven, day=1)
    decide(withdrawn, ConsentWithdrawn, day=2)
    decide(back, ConsentWithdrawn, day=1)
    decide(back, ConsentGiven, day=2)
    # Heard of last, but decided before.
    decide(looked_back, ConsentWithdrawn, day=2)
    decide(looked_back, ConsentGiven, day=1)
    courses = await sample_of(home, silent, given, withdrawn, back, looked_back)
    assert {one.episode_id for one in courses} == {one.episode_id for one in (silent, given, back)}
    sample = await read_sample(home.database, TENANT, MEASURE)
    assert (sample.without_consent, sample.held_back) == (2, 0)


async def test_of_two_decisions_of_one_moment_the_one_heard_of_last_stands(home: Home) -> None:
    yes, no = a_course([100, 150]), a_course([100, 150])
    decide(yes, ConsentWithdrawn, day=1)
    decide(yes, ConsentGiven, day=1)
    decide(no, ConsentGiven, day=1)
    decide(no, ConsentWithdrawn, day=1)
    assert [one.episode_id for one in await sample_of(home, yes, no)] == [yes.episode_id]


async def test_who_withdraws_is_not_in_the_next_sample_nor_who_is_the_same_person(
    home: Home,
) -> None:
    gone, alias, into, stays = (a_course([100, 150]) for _ in range(4))
    merged = ClientsMerged(client_id=alias.client_id, into=into.client_id)
    alias.add(f"client-{alias.client_id}", merged)
    assert len(await sample_of(home, gone, alias, into, stays)) == 4
    for story in (gone, alias):
        withdrawn = ConsentWithdrawn(
            client_id=story.client_id, purpose="service_statistics", at=START
        )
        await home.know(story.add(f"client-{story.client_id}", withdrawn))
    sample = await read_sample(home.database, TENANT, MEASURE)
    assert [one.episode_id for one in sample.courses] == [stays.episode_id]
    assert sample.without_consent == 3


async def test_the_organisations_default_counts_where_nobody_decided(home: Home) -> None:
    silent, given = a_course([100, 150]), a_course([100, 150])
    decide(given, ConsentGiven, day=1)
    organisation = Story(TENANT, new_id())
    policy = ConsentPolicySet(defaults={"service_statistics": False})
    await home.know(organisation.add(f"organisation-{TENANT}", policy))
    assert [one.episode_id for one in await sample_of(home, silent, given)] == [given.episode_id]


async def test_who_must_be_left_alone_is_not_in_it(home: Home) -> None:
    kept, other = a_course([100, 150]), a_course([100, 150])
    refused = ErasureRefused(
        request_id=new_id(), client_id=kept.client_id, refused_by=new_id(), restricted=True
    )
    kept.add(f"client-{kept.client_id}", refused)
    assert [one.episode_id for one in await sample_of(home, kept, other)] == [other.episode_id]


async def test_a_client_whose_data_is_held_back_waits(home: Home) -> None:
    held, other = a_course([100, 150]), a_course([100, 150])
    async with home.database.session(TENANT) as conn:
        await driver(conn).execute(
            "INSERT INTO held (tenant, group_name, holder, since, reason, stream)"
            " VALUES ($1, 'outcomes.views', $2, now(), 'a test', 'a stream')",
            TENANT,
            held.client_id,
        )
    assert [one.episode_id for one in await sample_of(home, held, other)] == [other.episode_id]
    assert (await read_sample(home.database, TENANT, MEASURE)).held_back == 1


async def test_no_client_of_another_organisation_is_in_it(home: Home) -> None:
    mine, foreign = a_course([100, 150]), a_course([100, 150], tenant=new_id())
    assert [one.episode_id for one in await sample_of(home, mine, foreign)] == [mine.episode_id]


async def test_more_clients_than_fit_a_page_are_all_in_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.outcomes.expected.sample.PAGE", 2)
    stories = [a_course([100, 150]) for _ in range(5)]
    courses = await sample_of(home, *stories)
    assert sorted(one.episode_id for one in courses) == sorted(one.episode_id for one in stories)


async def test_a_fit_is_published_with_its_sample_and_counts_a_minute_later(
    home: Home, store: EventStore
) -> None:
    await project_simulated(home, 330)
    sample = await read_sample(home.database, TENANT, MEASURE)
    report = await fit_expected(home.database, store, TENANT, MEASURE)
    [result] = report.results
    assert result.fit == fit(sample.courses)
    [recorded] = await store.read(TENANT, curve_stream(TENANT))
    assert recorded.data == result.published
    assert isinstance(recorded.data, ExpectedResponseFitted)
    assert recorded.data.effective_from - recorded.recorded_at >= timedelta(seconds=60)
    [curve] = curves_of([recorded], MEASURE, "adult")
    assert curve.coverage == result.fit.coverage
    assert curve.episodes == len(sample.courses) >= 300
    assert in_force([curve], recorded.recorded_at + timedelta(seconds=59)) is None
    # The relay sends it to everybody: whoever folds clients has no use for it, and lives on.
    await home.project(recorded)
    await home.assess(recorded)


@pytest.fixture(scope="module")
def fitted() -> Fit:
    return fit(simulated(330))


async def test_versions_count_by_measure_and_age_group(store: EventStore, fitted: Fit) -> None:
    now = datetime.now(UTC)
    first = await publish(store, TENANT, "ors", "adult", fitted, now=now)
    other = await publish(store, TENANT, "ors", "child", fitted, now=now)
    second = await publish(store, TENANT, "ors", "adult", fitted, now=now)
    assert [one.curve_version for one in (first, other, second)] == [1, 1, 2]
    history = await store.read(TENANT, curve_stream(TENANT))
    assert [one.version for one in curves_of(history, "ors", "adult")] == [1, 2]


async def test_who_was_overtaken_while_publishing_publishes_nothing(
    store: EventStore, fitted: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    read = store.read

    async def read_and_be_overtaken(tenant: str, stream: str) -> list[Recorded[Event]]:
        monkeypatch.setattr(store, "read", read)
        history = await read(tenant, stream)
        await publish(store, TENANT, "ors", "adult", fitted, now=now)
        return history

    monkeypatch.setattr(store, "read", read_and_be_overtaken)
    with pytest.raises(WrongVersion):
        await publish(store, TENANT, "ors", "adult", fitted, now=now)
    history = await read(TENANT, curve_stream(TENANT))
    assert [one.version for one in curves_of(history, "ors", "adult")] == [1]


async def heroic(home: Home, *arguments: str) -> tuple[int | None, str]:
    """The exit code and the words of `heroic` as operators run it."""
    environment = {
        **os.environ,
        "HEROIC_OUTCOMES_DATABASE_URL": home.urls.app,
        # There is nothing private in a curve, so no key is asked for.
        "HEROIC_KEYS_URL": home.urls.app,
        "HEROIC_KEY_ENCRYPTION_KEY": KEY,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.cli", "--organisation", TENANT, "expected", *arguments),
        stdout=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
        env=environment,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_operators_fit_try_and_are_told_of_too_few(home: Home) -> None:
    await project_simulated(home, 330)
    code, said = await heroic(home, "fit", "--measure", MEASURE, "--dry-run", "--json")
    tried = msgspec.json.decode(said, type=Report)
    assert (code, tried.results[0].refused, tried.results[0].published) == (0, "", None)
    code, said = await heroic(home, "fit", "--measure", MEASURE, "--age-group", "adult")
    assert code == 0
    assert "ors adult: " in said
    assert "version 1, in force from" in said
    code, said = await heroic(home, "fit", "--measure", MEASURE, "--age-group", "child")
    assert (code, said) == (
        0,
        "ors child: 0 episodes, and 300 are needed; the seed curve stands, if there is one\n",
    )
    assert await heroic(home, "fit", "--measure", "phq-9") == (0, "phq-9: no episodes\n")
    history = await home.store.read(TENANT, curve_stream(TENANT))
    assert [one.version for one in history] == [1]


async def test_a_refused_fit_is_told_by_the_exit_code_and_published_nowhere(home: Home) -> None:
    stories = [a_course([200, 200 + n % 7], f"{n}") for n in range(300)]
    await home.project(*(event for story in stories for event in story.events))
    code, said = await heroic(home, "fit", "--measure", MEASURE)
    assert code == 1
    assert said.startswith("ors adult: refused: ")
    assert await home.store.read(TENANT, curve_stream(TENANT)) == []
