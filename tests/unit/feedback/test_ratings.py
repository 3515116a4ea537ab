"""What is decided about a rating, told by the story of one episode."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given as with_any
from hypothesis import strategies as st

from services.feedback.domain import ratings
from services.feedback.domain.episode import Episode
from services.feedback.domain.measures import fold
from services.feedback.domain.state import Feedback, Given, Rating, evolve
from shared.contracts import Event
from shared.contracts.feedback import RatingContent, RiskFlag
from shared.errors import Conflict, Gone, Invalid

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPENED = datetime(2026, 1, 1, tzinfo=UTC)
EPISODE = Episode("episode", "client", "adult", OPENED)
GIVEN = Given(measure="ors", occurred_at=NOW, total=200, external_id="r-1", note="tired")
DAY = timedelta(days=1)
ORS = fold("ors", ())
LATEST = NOW + timedelta(minutes=5)


def submitted(given: Given = GIVEN, episode: Episode = EPISODE) -> RatingContent:
    content = ratings.submit(given, fold(given.measure, ()), episode, "rating", LATEST).private
    assert content is not None
    return content


def folded(*events: Event | None) -> Rating:
    feedback = Feedback()
    for version, event in enumerate(events, 1):
        assert event is not None
        evolve(event, feedback, version)
    return feedback.ratings["rating"]


def taken(given: Given = GIVEN) -> Rating:
    return folded(ratings.submit(given, fold(given.measure, ()), EPISODE, "rating", LATEST))


def at(moment: datetime) -> Given:
    return msgspec.structs.replace(GIVEN, occurred_at=moment)


def test_a_rating_carries_the_version_of_the_measure_that_it_was_scored_with() -> None:
    event = ratings.submit(GIVEN, ORS, EPISODE, "rating", LATEST, imported=True)
    assert (event.definition_version, event.imported) == (1, True)


def test_risk_is_flagged_at_submission() -> None:
    given = Given(measure="phq-9", occurred_at=NOW, items={"9": 20})
    assert submitted(given).risk == [RiskFlag("9", "self", 20)]


def test_five_minutes_ahead_is_the_clock_and_beyond_is_the_future() -> None:
    submitted(at(NOW + timedelta(minutes=5)))
    with pytest.raises(Invalid) as refusal:
        submitted(at(NOW + timedelta(minutes=5, microseconds=1)))
    assert refusal.value.errors[0].pointer == "/occurred_at"


def test_a_rating_from_before_the_opening_is_marked_up_to_ninety_days() -> None:
    assert submitted(at(OPENED)).flags == []
    assert submitted(at(OPENED - timedelta(microseconds=1))).flags == ["pre_episode"]
    assert submitted(at(OPENED - 90 * DAY)).flags == ["pre_episode"]
    with pytest.raises(Invalid) as refusal:
        submitted(at(OPENED - 90 * DAY - timedelta(microseconds=1)))
    assert refusal.value.errors[0].code == "before_episode"


def test_a_rating_after_the_closing_is_taken_as_follow_up() -> None:
    closed = msgspec.structs.replace(EPISODE, closed_at=NOW - DAY)
    assert submitted(at(NOW), closed).flags == ["follow_up"]
    assert submitted(at(NOW - DAY), closed).flags == []


def test_an_unknown_measure_is_refused_by_its_field() -> None:
    with pytest.raises(Invalid) as refusal:
        submitted(Given(measure="mood-ring", occurred_at=NOW, total=1))
    assert refusal.value.errors[0].pointer == "/measure"


def test_the_same_again_is_the_same() -> None:
    assert ratings.likeness(taken(), GIVEN) == "same"


@pytest.mark.parametrize(
    "change",
    [
        {"total": 210},
        {"occurred_at": NOW - DAY},
        {"note": None},
        {"items": {"1": 0}, "total": None},
    ],
)
def test_other_answers_time_or_note_can_be_corrected(change: dict[str, object]) -> None:
    assert ratings.likeness(taken(), msgspec.structs.replace(GIVEN, **change)) == "correctable"


@pytest.mark.parametrize(
    "change",
    [{"measure": "srs"}, {"rater_kind": "caretaker"}, {"mode": "paper"}, {"language": "en"}],
)
def test_another_measure_or_rater_is_another_rating(change: dict[str, object]) -> None:
    given = msgspec.structs.replace(GIVEN, **change)
    assert ratings.likeness(taken(), given) == "other"
    with pytest.raises(Conflict):
        ratings.correct(taken(), given, "typo", ORS, EPISODE, LATEST)


def test_a_correction_keeps_what_it_does_not_name() -> None:
    rating = taken()
    given = ratings.with_changes(rating, None, 250, None)
    event = ratings.correct(rating, given, "typo", ORS, EPISODE, LATEST)
    assert event is not None
    assert event.private is not None
    assert (event.private.total, event.private.note, event.private.external_id) == (
        250,
        "tired",
        "r-1",
    )
    assert event.private.reason == "typo"
    assert event.occurred_at == NOW


def test_correcting_a_total_by_items_leaves_no_old_total_behind() -> None:
    rating = taken()
    given = ratings.with_changes(rating, {"1": 10, "2": 10, "3": 10, "4": 10}, None, None)
    corrected = folded(
        ratings.submit(GIVEN, ORS, EPISODE, "rating", LATEST),
        ratings.correct(rating, given, "found the form", ORS, EPISODE, LATEST),
    )
    assert corrected.given == given
    assert corrected.content is not None
    assert corrected.content.total == 40


def test_a_correction_is_checked_like_a_submission() -> None:
    for change in ({"total": 401}, {"occurred_at": NOW + DAY}):
        given = msgspec.structs.replace(GIVEN, **change)
        with pytest.raises(Invalid):
            ratings.correct(taken(), given, "typo", ORS, EPISODE, LATEST)


def test_correcting_to_what_it_says_and_voiding_twice_change_nothing() -> None:
    rating = taken()
    assert ratings.correct(rating, GIVEN, "again", ORS, EPISODE, LATEST) is None
    submission = ratings.submit(GIVEN, ORS, EPISODE, "rating", LATEST)
    void = folded(submission, ratings.void(rating, "wrong client", EPISODE.id))
    assert void.void
    assert ratings.void(void, "wrong client", EPISODE.id) is None


def test_a_void_rating_cannot_be_corrected() -> None:
    void = msgspec.structs.replace(taken(), void=True)
    with pytest.raises(Conflict):
        ratings.correct(void, at(NOW - DAY), "typo", ORS, EPISODE, LATEST)


def test_of_an_erased_client_nothing_is_compared_corrected_or_voided() -> None:
    event = ratings.submit(GIVEN, ORS, EPISODE, "rating", LATEST)
    erased = folded(msgspec.structs.replace(event, private=None))
    with pytest.raises(Gone):
        ratings.likeness(erased, GIVEN)
    with pytest.raises(Gone):
        ratings.void(erased, "wrong", EPISODE.id)


@with_any(st.lists(st.integers(0, 400), min_size=1, max_size=6), st.booleans())
def test_folding_the_events_gives_what_was_said_last(totals: list[int], voided: bool) -> None:
    feedback = Feedback()
    evolve(ratings.submit(GIVEN, ORS, EPISODE, "rating", LATEST), feedback, 1)
    for total in totals:
        rating = feedback.ratings["rating"]
        given = ratings.with_changes(rating, None, total, None)
        event = ratings.correct(rating, given, "typo", ORS, EPISODE, LATEST)
        assert (event is None) == (rating.given == given)
        if event is not None:
            evolve(event, feedback, 2)
    rating = feedback.ratings["rating"]
    assert rating.given == msgspec.structs.replace(GIVEN, total=totals[-1])
    assert ratings.likeness(rating, msgspec.structs.replace(GIVEN, total=totals[-1])) == "same"
