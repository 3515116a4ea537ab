"""The fold gives one state for one client, whatever came first."""

from collections import defaultdict
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from services.outcomes.domain.fold import evolve
from services.outcomes.domain.state import ClientState, canonical, pack, unpack
from services.outcomes.domain.summary import Summary, summarise
from shared.contracts import Event, Recorded
from shared.measures import definitions
from tests.unit.outcomes.story import EPISODE, Story, rating_id


def folded(events: list[Recorded[Event]]) -> ClientState:
    state = ClientState()
    for event in events:
        evolve(state, event)
    return state


def only_summary(story: Story) -> Summary:
    [summary] = summarise(folded(story.events), EPISODE, definitions())
    return summary


def a_full_story() -> Story:
    story = Story()
    story.register()
    story.open()
    story.session("first", day=0)
    story.rate("a", 200, day=0)
    story.rate("b", 300, day=7, note="a hard week")
    story.rate("srs", 360, day=7, measure="srs")
    story.rate("late", 150, day=3)
    story.session("second", day=7)
    story.correct("b", 120, day=8)
    story.void("a")
    story.close(day=30)
    return story


@given(st.randoms(use_true_random=False))
def test_any_interleaving_of_streams_gives_the_same_state(random: Random) -> None:
    story = a_full_story()
    streams: dict[str, list[Recorded[Event]]] = defaultdict(list)
    for event in story.events:
        streams[event.stream].append(event)
    mixed = []
    while any(streams.values()):
        waiting = sorted(name for name, events in streams.items() if events)
        mixed.append(streams[random.choice(waiting)].pop(0))
    assert canonical(folded(mixed)) == canonical(folded(story.events))


def test_a_packed_state_comes_back_as_it_was() -> None:
    state = folded(a_full_story().events)
    assert canonical(unpack(pack(state))) == canonical(state)


def test_a_late_first_rating_moves_the_baseline() -> None:
    story = Story()
    story.open()
    story.rate("week 1", 200, day=7)
    story.rate("week 2", 290, day=14)
    assert only_summary(story).classification == "deteriorated"
    story.rate("intake", 300, day=0)
    summary = only_summary(story)
    assert (summary.baseline, summary.latest, summary.change) == (300, 290, -10)
    assert summary.classification == "unchanged"


def test_voiding_the_first_rating_moves_the_baseline() -> None:
    story = Story()
    story.open()
    story.rate("somebody else's", 100, day=0)
    story.rate("own", 300, day=1)
    story.rate("latest", 140, day=7)
    story.void("somebody else's")
    summary = only_summary(story)
    assert (summary.baseline, summary.classification) == (300, "recovered")


def test_a_correction_may_change_the_clinical_order() -> None:
    story = Story()
    story.open()
    story.rate("a", 200, day=0)
    story.rate("b", 300, day=7)
    story.correct("a", 210, day=9)
    summary = only_summary(story)
    assert (summary.baseline, summary.latest) == (300, 210)


def test_ratings_of_the_same_time_keep_the_order_in_which_they_were_recorded() -> None:
    story = Story()
    for name in ("first", "second", "third"):
        story.rate(name, 200, day=0)
    [series] = folded(story.events).said[EPISODE].series
    assert [one.id for one in series.ratings] == [
        rating_id(name) for name in ("first", "second", "third")
    ]


def test_an_unscored_rating_is_kept_and_is_no_baseline() -> None:
    story = Story()
    story.open()
    story.rate("half filled in", None, day=0)
    story.rate("whole", 200, day=1)
    summary = only_summary(story)
    assert (summary.ratings, summary.baseline, summary.change) == (2, 200, 0)


def test_an_erased_rating_shows_as_erased_and_never_fails() -> None:
    story = Story()
    story.open()
    story.rate("gone", 200, day=0, erased=True)
    story.void("gone")
    story.rate("gone too", 200, day=0, erased=True)
    [series] = folded(story.events).said[EPISODE].series
    [rating] = series.ratings
    assert rating.erased
    assert rating.total is None


def test_what_is_said_of_a_rating_that_never_came_is_left_out() -> None:
    story = Story()
    story.void("discarded by an operator")
    story.correct("discarded too", 200, day=0)
    assert folded(story.events).said[EPISODE].series == []


def test_the_exact_threshold_is_never_rounded() -> None:
    for latest, expected in ((284, "unchanged"), (285, "deteriorated")):
        story = Story()
        story.open()
        story.rate("first", 200, day=0)
        story.rate("latest", latest, day=7)
        assert only_summary(story).classification == expected


def test_a_late_baseline_has_no_classification() -> None:
    for day, late in ((30, False), (30.1, True)):
        story = Story()
        story.open()
        story.rate("first", 200, day=day)
        story.rate("latest", 300, day=40)
        summary = only_summary(story)
        assert summary.late_baseline is late
        assert summary.classification == (None if late else "deteriorated")


def test_a_baseline_after_the_second_held_treatment_session_is_late() -> None:
    story = Story()
    story.open()
    story.session("first", day=0)
    story.rate("first", 200, day=8)
    assert not only_summary(story).late_baseline
    story.session("second", day=7)
    assert only_summary(story).late_baseline


def test_the_primary_measure_is_the_clinically_first_that_is_not_about_the_alliance() -> None:
    story = Story()
    story.rate("alliance", 360, day=0, measure="srs")
    story.rate("depression", 200, day=7)
    story.rate("outcome", 200, day=1, measure="ors")
    primary = {
        one.measure: one.is_primary
        for one in summarise(folded(story.events), EPISODE, definitions())
    }
    assert primary == {"srs": False, "bdi": False, "ors": True}


def test_sessions_count_in_the_order_in_which_they_were_held() -> None:
    story = Story()
    story.open()
    story.session("second", day=7)
    story.session("third", day=20)
    story.session("first", day=0)
    story.rate("between second and third", 200, day=10)
    assert only_summary(story).late_baseline
