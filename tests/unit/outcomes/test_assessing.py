"""The assessor says of each rating what the rules say, once, and again only if it changed."""

import csv
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.outcomes.domain.standards import shipped
from shared.contracts import Event, Recorded
from shared.contracts.outcomes import (
    AssessmentRevised,
    AssessmentWithdrawn,
    RatingAssessed,
)
from shared.measures import rule_sets
from tests.unit.outcomes.listener import Listener, kinds
from tests.unit.outcomes.story import START, Story, rating_id

ENRICHD = Path("../shared/data/enrichd-bdi/ratings.csv")


def test_each_rating_is_assessed_once() -> None:
    story, listener = Story(), Listener()
    listener.hear(story.open())
    first = listener.hear(story.rate("a", 200, day=0))
    second = listener.hear(story.rate("b", 285, day=7))
    assert kinds(first) == kinds(second) == [RatingAssessed]
    assert listener.holding("reliable_deterioration") == {rating_id("b")}


def test_verdicts_are_given_whether_they_hold_or_not() -> None:
    story, listener = Story(), Listener()
    story.open()
    story.rate("a", 200, day=0)
    story.rate("b", 210, day=7)
    listener.hear(*story.events)
    assessment = listener.standing()[rating_id("b")]
    assert assessment is not None
    assert {one.rule: one.holds for one in assessment.verdicts} == {
        "reliable_deterioration": False,
        "session_drop": False,
        "lost_gain": False,
    }


def test_a_late_first_rating_revises_exactly_what_it_changes() -> None:
    story, listener = Story(), Listener()
    story.open()
    story.rate("week 1", 200, day=7)
    story.rate("week 2", 290, day=14)
    listener.hear(*story.events)
    news = listener.hear(story.rate("intake", 300, day=0))
    assert [(type(one.data), one.data.rating_id) for one in news] == [
        (RatingAssessed, rating_id("intake")),
        (AssessmentRevised, rating_id("week 1")),
        (AssessmentRevised, rating_id("week 2")),
    ]
    assert listener.holding("reliable_deterioration") == set()


def test_a_correction_of_the_latest_rating_revises_that_one_alone() -> None:
    story, listener = Story(), Listener()
    story.rate("a", 200, day=0)
    story.rate("b", 290, day=7)
    listener.hear(*story.events)
    news = listener.hear(story.correct("b", 210, day=7))
    assert [(type(one.data), one.data.rating_id) for one in news] == [
        (AssessmentRevised, rating_id("b"))
    ]
    assert listener.holding("reliable_deterioration") == set()


def test_a_void_withdraws_and_revises_what_stood_on_it() -> None:
    story, listener = Story(), Listener()
    story.rate("somebody else's", 100, day=0)
    story.rate("own", 300, day=1)
    listener.hear(*story.events)
    assert listener.holding("reliable_deterioration") == {rating_id("own")}
    news = listener.hear(story.void("somebody else's"))
    assert kinds(news) == [AssessmentRevised, AssessmentWithdrawn]
    assert listener.holding("reliable_deterioration") == set()


def test_a_rating_corrected_to_no_score_is_withdrawn_and_may_come_back() -> None:
    story, listener = Story(), Listener()
    listener.hear(story.rate("a", 200, day=0))
    assert kinds(listener.hear(story.correct("a", None, day=0))) == [AssessmentWithdrawn]
    assert kinds(listener.hear(story.correct("a", 210, day=0))) == [RatingAssessed]
    assert len({one.id for one in listener.said}) == 3


def test_measures_that_are_not_primary_give_marks() -> None:
    story, listener = Story(), Listener()
    story.rate("ors 1", 300, day=0, measure="ors")
    story.rate("bdi 1", 200, day=1)
    story.rate("bdi 2", 300, day=8)
    listener.hear(*story.events)
    assessment = listener.standing()[rating_id("bdi 2")]
    assert assessment is not None
    assert {one.kind for one in assessment.verdicts if one.holds} == {"mark"}


def test_an_earlier_first_measure_takes_the_primary_place() -> None:
    story, listener = Story(), Listener()
    story.rate("bdi 1", 200, day=1)
    story.rate("bdi 2", 300, day=8)
    listener.hear(*story.events)
    news = listener.hear(story.rate("ors 1", 300, day=0, measure="ors"))
    assert AssessmentRevised in kinds(news)
    assessment = listener.standing()[rating_id("bdi 2")]
    assert assessment is not None
    assert {one.kind for one in assessment.verdicts if one.holds} == {"mark"}


def test_an_erased_rating_is_passed_over() -> None:
    story, listener = Story(), Listener()
    story.rate("gone", 200, day=0, erased=True)
    story.rate("gone too", 300, day=1, erased=True)
    story.void("gone")
    assert listener.hear(*story.events) == []


def a_full_story() -> Story:
    story = Story()
    story.register()
    story.open()
    story.session("first", day=0)
    story.rate("a", 100, day=0)
    story.rate("b", 300, day=7)
    story.rate("srs", 360, day=7, measure="srs")
    story.rate("late", 150, day=3)
    story.rate("c", 310, day=9)
    story.rate("ors", 200, day=1, measure="ors")
    story.session("second", day=7)
    story.correct("b", 120, day=8)
    story.void("a")
    story.rate("d", 400, day=20)
    story.rate("before all", 310, day=-1)
    story.close(day=30)
    return story


@given(st.randoms(use_true_random=False), st.integers(1, 6))
def test_any_interleaving_and_any_batches_end_in_the_same_assessments(
    random: Random, most: int
) -> None:
    events = a_full_story().events
    streams: dict[str, list[Recorded[Event]]] = defaultdict(list)
    for event in events:
        streams[event.stream].append(event)
    mixed = []
    while any(streams.values()):
        mixed.append(streams[random.choice([n for n, left in streams.items() if left])].pop(0))
    listener, ordered = Listener(), Listener()
    while mixed:
        size = random.randint(1, most)
        listener.hear(*mixed[:size])
        del mixed[:size]
    ordered.hear(*events)
    assert listener.standing() == ordered.standing()
    assert len({one.id for one in listener.said}) == len(listener.said)


@pytest.mark.skipif(not ENRICHD.exists(), reason="the real series are not on this machine")
def test_on_real_series_51_clients_are_reliably_worse_at_some_rating() -> None:
    with ENRICHD.open() as file:
        rows = list(csv.DictReader(file))
    listeners: dict[str, tuple[Story, Listener]] = defaultdict(lambda: (Story(), Listener()))
    for number, row in enumerate(rows):
        story, listener = listeners[row["client"]]
        listener.hear(story.rate(str(number), int(row["bdi"]) * 10, day=float(row["day"])))
    worse = [one for _, one in listeners.values() if one.holding("reliable_deterioration")]
    assert (len(rows), len(listeners), len(worse)) == (5346, 400, 51)
    assert all(
        kind is RatingAssessed for _, one in listeners.values() for kind in kinds(one.said)
    ), "every row came after those before it"


def test_an_assessment_says_when_its_rating_was_recorded() -> None:
    story, listener = Story(), Listener()
    rated = story.rate("a", 200, day=0)
    corrected = story.correct("a", 210, day=0)
    [first] = listener.hear(rated)
    [second] = listener.hear(corrected)
    assert isinstance(first.data, RatingAssessed)
    assert isinstance(second.data, AssessmentRevised)
    assert first.data.rating_recorded_at == START
    assert second.data.rating_recorded_at == START + timedelta(seconds=1)


@given(
    st.lists(st.integers(0, 63).map(lambda value: value * 10), min_size=1, max_size=12),
    st.integers(0, 63),
    st.integers(-1, 12),
)
def test_a_void_restores_what_was_said_before(totals: list[int], wrong: int, week: int) -> None:
    story, listener = Story(), Listener()
    story.open()
    for number, total in enumerate(totals):
        story.rate(str(number), total, day=7 * number)
    listener.hear(*story.events)
    before = listener.standing()
    listener.hear(story.rate("somebody else's", wrong * 10, day=7 * week + 0.5))
    listener.hear(story.void("somebody else's"))
    assert listener.standing() == before


def test_another_rule_set_judges_what_comes_next_and_leaves_what_was_said() -> None:
    story, listener = Story(), Listener()
    listener.standards = shipped(rule_sets()["default", 1])
    story.open()
    story.rate("a", 300, day=0)
    story.rate("b", 200, day=7)
    listener.hear(*story.events)
    listener.standards = shipped()
    [said] = listener.hear(story.rate("c", 210, day=14))
    assert said.data.rating_id == rating_id("c")
    assert listener.holding("lost_gain") == set()
    listener.hear(story.rate("d", 290, day=21))
    # The best score is that of a rating which the first rule set did not remember.
    assert listener.holding("lost_gain") == {rating_id("d")}
    [kept] = [one.data for one in listener.said if one.data.rating_id == rating_id("b")]
    assert isinstance(kept, RatingAssessed)
    assert kept.rule_set_version == 1
