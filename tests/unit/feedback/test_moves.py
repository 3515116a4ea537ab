"""Where a rating is after it was moved, told by the streams of the episodes alone."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given as with_any
from hypothesis import strategies as st

from services.feedback.domain import moves, ratings
from services.feedback.domain.episode import Episode
from services.feedback.domain.measures import fold as measure_of
from services.feedback.domain.state import Feedback, Given, Rating, evolve
from shared.errors import Conflict, Gone, Invalid

AT = datetime(2026, 3, 1, tzinfo=UTC)
EPISODES = [Episode(str(number), f"client-{number}", "adult", AT) for number in range(4)]
GIVEN = Given(measure="ors", occurred_at=AT, total=200, external_id="r-1", note="tired")
ORS = measure_of("ors", ())
RATING = "rating"


def taken() -> Feedback:
    """The first episode, with the rating."""
    feedback = Feedback()
    evolve(ratings.submit(GIVEN, ORS, EPISODES[0], RATING, AT), feedback, 1)
    return feedback


def moved(rating: Rating, home: int, to: Episode) -> tuple[Feedback, Feedback]:
    """What the episode that it leaves and the one that it comes to know of it then."""
    left, come = Feedback(1, {RATING: rating}), Feedback()
    leaving, coming = moves.move(rating, str(home), to, "hers", None, AT)
    evolve(leaving, left, 2)
    evolve(coming, come, 1)
    return left, come


@with_any(st.lists(st.integers(0, 3), max_size=12))
def test_it_is_in_one_place_which_every_episode_that_it_left_leads_to(path: list[int]) -> None:
    here, known = 0, [taken(), Feedback(), Feedback(), Feedback()]
    for to in path:
        if to == here:
            continue
        rating = known[here].ratings[RATING]
        leaving, coming = moves.move(rating, str(here), EPISODES[to], "hers", None, AT)
        evolve(leaving, known[here], known[here].version + 1)
        evolve(coming, known[to], known[to].version + 1)
        here = to
    assert [RATING in one.ratings for one in known] == [number == here for number in range(4)]
    place = 0
    for _ in known:
        place = int(known[place].moved.get(RATING, place))
    assert place == here
    assert known[here].ratings[RATING].given == GIVEN


def test_a_correction_goes_with_it_and_its_reason_stays_behind() -> None:
    feedback = taken()
    rating = feedback.ratings[RATING]
    given = ratings.with_changes(rating, None, 250, None)
    corrected = ratings.correct(rating, given, "typo", ORS, EPISODES[0], AT, imported=True)
    assert corrected is not None
    evolve(corrected, feedback, 2)
    _, come = moved(feedback.ratings[RATING], 0, EPISODES[1])
    rating = come.ratings[RATING]
    assert rating.given == given
    assert rating.imported
    assert rating.content is not None
    assert not hasattr(rating.content, "reason")


def test_the_session_stays_with_the_episode_that_it_is_of() -> None:
    rating = taken().ratings[RATING]
    given = msgspec.structs.replace(GIVEN, session_id="session")
    _, come = moved(msgspec.structs.replace(rating, given=given), 0, EPISODES[1])
    kept = come.ratings[RATING].given
    assert kept is not None
    assert kept.session_id is None


def test_an_episode_opened_up_to_ninety_days_later_takes_it_marked() -> None:
    rating = taken().ratings[RATING]
    late = msgspec.structs.replace(EPISODES[1], opened_at=AT + timedelta(days=90))
    _, come = moved(rating, 0, late)
    content = come.ratings[RATING].content
    assert content is not None
    assert content.flags == ["pre_episode"]
    later = msgspec.structs.replace(late, opened_at=late.opened_at + timedelta(microseconds=1))
    with pytest.raises(Invalid):
        moved(rating, 0, later)


def test_neither_a_void_rating_nor_that_of_somebody_erased_is_moved() -> None:
    rating = taken().ratings[RATING]
    with pytest.raises(Conflict):
        moved(msgspec.structs.replace(rating, void=True), 0, EPISODES[1])
    with pytest.raises(Gone):
        moved(msgspec.structs.replace(rating, given=None, content=None), 0, EPISODES[1])
