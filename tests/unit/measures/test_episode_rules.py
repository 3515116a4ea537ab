"""Rules of time and sessions: on the day, after the sessions, never before."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.contracts.feedback import RiskFlag
from shared.contracts.intake import SessionStatus
from shared.contracts.outcomes import Rule
from shared.measures import default_rules, measure
from shared.measures.rules.episodes import (
    Answer,
    EpisodeSoFar,
    Session,
    data_held_up,
    gap,
    measure_missing,
    missed_sessions,
    risk_item_unanswered,
    unplanned_ending,
)

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
A_MOMENT = timedelta(microseconds=1)


def rule(name: str) -> Rule:
    return next(one for one in default_rules().rules if one.id == name)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def session(number: float, status: SessionStatus = "held") -> Session:
    return Session(f"session {number}", day(number), day(number) + timedelta(hours=1), status)


def episode(**fields: Any) -> EpisodeSoFar:
    defaults: dict[str, Any] = {"opened_at": START, "session_feed": True}
    return EpisodeSoFar(**defaults | fields)


def has_gap(found: EpisodeSoFar, at: datetime) -> bool:
    return gap(rule("gap"), found, at).holds


def test_a_gap_begins_after_twenty_one_days() -> None:
    found = episode(answers=[Answer(day(0)), Answer(day(7))])
    assert not has_gap(found, day(28))
    assert has_gap(found, day(28) + A_MOMENT)


def test_whoever_comes_monthly_has_a_longer_gap() -> None:
    found = episode(answers=[Answer(day(0)), Answer(day(30)), Answer(day(58)), Answer(day(90))])
    assert not has_gap(found, day(90 + 60))
    assert has_gap(found, day(90 + 60) + A_MOMENT)


def test_a_session_and_its_rating_are_one_contact() -> None:
    # Intervals of 30 days, and not of an hour and 30 days in turn.
    found = episode(
        sessions=[session(0), session(30), session(60)],
        answers=[Answer(day(n) + timedelta(hours=1)) for n in (0, 30, 60)],
    )
    assert not has_gap(found, day(119))
    assert has_gap(found, day(121))


def test_nothing_ever_heard_counts_from_the_opening() -> None:
    assert not has_gap(episode(), day(21))
    assert has_gap(episode(), day(22))


@pytest.mark.parametrize(
    "found",
    [
        episode(closed_at=day(20)),
        episode(sessions=[session(40, "booked")]),
        episode(answers=[Answer(day(20))]),
        episode(sessions=[session(20)]),
    ],
    ids=["closed", "booked", "rated", "seen"],
)
def test_there_is_no_gap_where_somebody_is_expected_seen_or_gone(found: EpisodeSoFar) -> None:
    assert not has_gap(found, day(30))


@pytest.mark.parametrize("status", ["missed", "cancelled_by_client", "booked"])
def test_a_session_that_was_not_held_is_no_contact(status: SessionStatus) -> None:
    assert has_gap(episode(sessions=[session(20, status)]), day(22))


def test_after_twice_the_gap_the_ending_is_presumed() -> None:
    assert "Presumably" not in gap(rule("gap"), episode(), day(42)).text
    found = gap(rule("gap"), episode(), day(42.1))
    assert "Presumably" in found.text
    assert found.inputs == {"days": 421}
    assert found.thresholds == {"gap": "21", "presumed_ended": "42"}


@pytest.mark.parametrize(
    ("statuses", "holds"),
    [
        (["held", "missed", "missed"], True),
        (["missed", "cancelled_by_client", "missed"], True),
        (["missed", "held"], False),
        (["missed"], False),
        (["missed", "held", "missed"], False),
    ],
)
def test_two_sessions_missed_in_a_row(statuses: list[SessionStatus], holds: bool) -> None:
    found = episode(sessions=[session(7 * n, status) for n, status in enumerate(statuses)])
    verdict = missed_sessions(rule("missed_sessions"), found, day(60))
    assert verdict is not None
    assert verdict.holds is holds


def has_missing(found: EpisodeSoFar, at: datetime) -> bool:
    verdict = measure_missing(rule("measure_missing"), found, at)
    assert verdict is not None
    return verdict.holds


def test_a_rating_may_come_within_a_day_after_the_session() -> None:
    found = episode(sessions=[session(0), session(7)])
    over = session(7).over_at
    assert not has_missing(found, over + timedelta(hours=24) - A_MOMENT)
    assert has_missing(found, over + timedelta(hours=24))


@pytest.mark.parametrize(
    ("answers", "missing"),
    [
        ([Answer(day(0))], True),
        ([Answer(day(6))], False),
        ([Answer(day(14), declined=True)], False),
        ([Answer(day(30), session_id="session 14")], False),
        ([Answer(day(14), session_id="session 0")], True),
        ([Answer(day(16))], True),
    ],
    ids=["long ago", "before", "declined", "later, for it", "for another", "too late"],
)
def test_held_sessions_without_a_rating(answers: list[Answer], missing: bool) -> None:
    found = episode(sessions=[session(0), session(7), session(14)], answers=answers)
    assert has_missing(found, day(20)) is missing


def test_without_a_session_feed_nobody_knows() -> None:
    found = episode(session_feed=False)
    assert missed_sessions(rule("missed_sessions"), found, day(60)) is None
    assert measure_missing(rule("measure_missing"), found, day(60)) is None


def test_data_held_up_until_nothing_is() -> None:
    assert not data_held_up(rule("data_held_up"), episode(), day(1)).holds
    found = data_held_up(rule("data_held_up"), episode(held_up_since=day(1)), day(3.5))
    assert (found.holds, found.severity, found.inputs) == (True, "high", {"days": 25})


@pytest.mark.parametrize(
    ("ending", "latest", "marked"),
    [
        ("unplanned", 249, True),
        ("unplanned", 250, False),
        ("planned", 100, False),
        (None, 100, False),
        ("unplanned", None, False),
    ],
)
def test_an_unplanned_ending_is_marked_outside_the_functional_zone(
    ending: Any, latest: int | None, marked: bool
) -> None:
    cutoff = measure("ors").cutoffs["adult"]
    assert unplanned_ending(rule("unplanned_ending"), ending, latest, cutoff).holds is marked


def test_a_risk_item_that_was_skipped_is_unanswered() -> None:
    flags = [RiskFlag("9", "self", None), RiskFlag("16", "self", 0), RiskFlag("24", "self", 10)]
    assert risk_item_unanswered(flags) == ["9"]
