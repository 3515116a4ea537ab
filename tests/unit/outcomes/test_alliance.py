"""A form on the alliance is judged by its session, and by how the client is at that moment."""

from collections import defaultdict
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import Event, Recorded
from shared.contracts.outcomes import AssessmentWithdrawn, RatingAssessed
from shared.ids import derived_id
from tests.unit.outcomes.listener import Listener
from tests.unit.outcomes.story import EPISODE, Story, rating_id

CEILING = "alliance_ceiling"
OTHER = derived_id("another episode")


def worse_with_a_good_alliance() -> Story:
    """ORS falls by five points, SRS is 40 of 40 in the second session."""
    story = Story()
    story.open()
    story.session("first", day=0)
    story.rate("ors 1", 250, day=0, measure="ors")
    story.session("second", day=7)
    story.rate("ors 2", 200, day=7, measure="ors")
    story.rate("srs", 400, day=7.1, measure="srs")
    return story


def test_a_perfect_alliance_while_things_get_worse_is_worth_a_talk() -> None:
    listener = Listener()
    listener.hear(*worse_with_a_good_alliance().events)
    assert listener.holding(CEILING) == {rating_id("srs")}
    assessment = listener.standing()[rating_id("srs")]
    assert assessment is not None
    [verdict] = [one for one in assessment.verdicts if one.rule == CEILING]
    assert verdict.inputs == {"latest": 400, "outcome_gain": -50}


def test_a_late_outcome_rating_judges_the_alliance_anew() -> None:
    story, listener = worse_with_a_good_alliance(), Listener()
    listener.hear(*story.events)
    listener.hear(story.rate("late", 260, day=7.05, measure="ors"))
    assert listener.holding(CEILING) == set()
    listener.hear(story.void("late", measure="ors"))
    assert listener.holding(CEILING) == {rating_id("srs")}


def test_an_outcome_rating_after_it_changes_nothing() -> None:
    story, listener = worse_with_a_good_alliance(), Listener()
    listener.hear(*story.events)
    news = listener.hear(story.rate("ors 3", 300, day=14, measure="ors"))
    assert [one.data.rating_id for one in news] == [rating_id("ors 3")]


def test_filled_in_late_it_belongs_to_the_session_that_it_names() -> None:
    story, listener = Story(), Listener()
    story.open()
    story.session("first", day=0)
    story.rate("ors 1", 250, day=0, measure="ors")
    story.session("second", day=7)
    story.rate("ors 2", 200, day=7, measure="ors")
    story.session("third", day=14)
    story.rate("ors 3", 300, day=14, measure="ors")
    story.rate("srs", 400, day=15, measure="srs", session="second")
    story.rate("srs of the third", 400, day=15, measure="srs", session="third")
    listener.hear(*story.events)
    assert listener.holding(CEILING) == {rating_id("srs")}


def test_sessions_count_and_not_forms() -> None:
    story, listener = Story(), Listener()
    story.open()
    story.rate("ors 1", 250, day=0, measure="ors")
    story.rate("ors 2", 200, day=28, measure="ors")
    for week in range(4):
        story.session(str(week), day=7 * week)
    story.rate("srs", 400, day=28, measure="srs")
    listener.hear(*story.events)
    assert listener.holding(CEILING) == set()


def test_word_of_sessions_may_come_after_the_form() -> None:
    story, listener = Story(), Listener()
    story.open()
    story.rate("ors 1", 250, day=0, measure="ors")
    story.rate("ors 2", 200, day=28, measure="ors")
    story.rate("srs", 400, day=28, measure="srs")
    listener.hear(*story.events)
    assert listener.holding(CEILING) == {rating_id("srs")}
    for week in range(4):
        listener.hear(story.session(str(week), day=7 * week))
    assert listener.holding(CEILING) == set()


@given(st.randoms(use_true_random=False), st.integers(1, 5))
def test_whatever_comes_first_the_alliance_is_judged_the_same(random: Random, most: int) -> None:
    story = worse_with_a_good_alliance()
    story.rate("late", 240, day=6.9, measure="ors")
    story.rate("srs again", 390, day=8, measure="srs", session="second")
    story.session("third", day=7.5)
    story.correct("ors 1", 260, day=0, measure="ors")
    story.void("late", measure="ors")
    streams: dict[str, list[Recorded[Event]]] = defaultdict(list)
    for event in story.events:
        streams[event.stream].append(event)
    listener, ordered = Listener(), Listener()
    while any(streams.values()):
        stream = random.choice([name for name, left in streams.items() if left])
        size = random.randint(1, most)
        listener.hear(*streams[stream][:size])
        del streams[stream][:size]
    ordered.hear(*story.events)
    assert listener.standing() == ordered.standing()


def standing_in(listener: Listener, episode_id: str) -> set[str]:
    """The ratings of which something stands in an episode."""
    found = set()
    for one in listener.said:
        if one.data.episode_id != episode_id:
            continue
        if isinstance(one.data, AssessmentWithdrawn):
            found.discard(one.data.rating_id)
        else:
            found.add(one.data.rating_id)
    return found


def test_a_moved_rating_counts_where_it_went_and_may_come_back() -> None:
    left, reached, listener = Story(), Story(episode_id=OTHER), Listener()
    left.rate("a", 200, day=0)
    left.rate("astray", 100, day=1)
    left.rate("b", 210, day=7)
    reached.rate("c", 300, day=7)
    listener.hear(*left.events, *reached.events)
    assert listener.holding("reliable_deterioration") == set()
    listener.hear(
        left.move("astray", OTHER), reached.rate("astray", 100, day=1, moved_from=EPISODE)
    )
    assert standing_in(listener, EPISODE) == {rating_id("a"), rating_id("b")}
    assert standing_in(listener, OTHER) == {rating_id("astray"), rating_id("c")}
    assert listener.holding("reliable_deterioration") == {rating_id("c")}
    listener.hear(left.rate("astray", 100, day=1, moved_from=OTHER))
    listener.hear(reached.move("astray", EPISODE))
    assert standing_in(listener, EPISODE) == {rating_id("a"), rating_id("astray"), rating_id("b")}
    assert standing_in(listener, OTHER) == {rating_id("c")}
    assert listener.holding("reliable_deterioration") == set()
    assert len({one.id for one in listener.said}) == len(listener.said)


def test_word_of_both_ends_of_a_move_may_come_in_any_order() -> None:
    found = []
    for swap in (False, True):
        left, reached, listener = Story(), Story(episode_id=OTHER), Listener()
        left.rate("astray", 100, day=1)
        listener.hear(*left.events)
        ends = [left.move("astray", OTHER), reached.rate("astray", 100, day=1, moved_from=EPISODE)]
        for end in reversed(ends) if swap else ends:
            listener.hear(end)
        assert any(isinstance(one.data, RatingAssessed) for one in listener.said)
        found.append((standing_in(listener, EPISODE), standing_in(listener, OTHER)))
    assert found[0] == found[1] == (set(), {rating_id("astray")})
