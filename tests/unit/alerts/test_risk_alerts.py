"""Risk alerts: raised by the submission alone, ended by a person's review alone."""

from datetime import timedelta

import pytest

from services.alerts.domain.commands import (
    Acknowledge,
    AlreadyEnded,
    NeedsReview,
    NotARisk,
    Resolve,
    Review,
    decide,
)
from services.alerts.domain.risk import RISK_ITEM, RISK_ITEM_UNANSWERED
from shared.contracts.alerts import AlertRaised, AlertRepeated, AlertSourceChanged
from tests.unit.alerts.builders import (
    START,
    Ratings,
    Risks,
    assessed,
    corrected,
    moved,
    submitted,
    verdict,
    voided,
)

REVIEW = Review(actor="Dr A", seen_how="by telephone", outcome="safety plan made")


@pytest.mark.parametrize(("answer", "fires"), [(0, False), (10, True), (20, True), (30, True)])
def test_any_answer_from_one_on_is_urgent(answer: int, fires: bool) -> None:
    risks = Risks()
    events = risks.hear(submitted(1, answer))
    assert [type(event) for event in events] == ([AlertRaised] if fires else [])
    assert [(alert.rule, alert.severity) for alert in risks.open] == (
        [(RISK_ITEM, "urgent")] if fires else []
    )


def test_a_skipped_risk_item_is_medium() -> None:
    risks = Risks()
    risks.hear(submitted(1, None))
    assert [(a.rule, a.severity) for a in risks.open] == [(RISK_ITEM_UNANSWERED, "medium")]


def test_a_form_without_its_risk_items_says_nothing_about_risk() -> None:
    assert Risks().hear(submitted(1)) == []


def test_one_item_answered_and_one_skipped_raise_both() -> None:
    risks = Risks()
    risks.hear(submitted(1, 10, None))
    assert {alert.rule for alert in risks.open} == {RISK_ITEM, RISK_ITEM_UNANSWERED}


def test_the_same_submission_twice_gives_the_same_alert() -> None:
    one, other = Risks(), Risks()
    one.hear(submitted(1, 30))
    other.hear(submitted(1, 30))
    assert one.alerts == other.alerts


@pytest.mark.parametrize(
    ("first", "second", "notified"),
    [(10, 10, False), (10, 20, True), (30, 20, True), (30, 10, False)],
)
def test_an_open_alert_notifies_anew_on_an_increase_and_from_two_on(
    first: int, second: int, notified: bool
) -> None:
    risks = Risks()
    risks.hear(submitted(1, first))
    [repeated] = risks.hear(submitted(2, second))
    assert isinstance(repeated, AlertRepeated)
    assert repeated.notify is notified
    [alert] = risks.open
    assert alert.causes == ("rating-1", "rating-2")


def test_a_notice_anew_takes_the_acknowledgement_back() -> None:
    risks = Risks()
    risks.hear(submitted(1, 10))
    [alert] = risks.open
    [event] = decide(alert, Acknowledge(actor="Dr A"))
    risks.review(alert, START, event)
    assert risks.alerts[alert.id].status == "acknowledged"
    risks.hear(submitted(2, 30))
    assert risks.alerts[alert.id].status == "open"


@pytest.mark.parametrize(
    ("reviewed", "answer", "days", "severity"),
    [
        (10, 10, 30, "high"),
        (10, 10, 31, "urgent"),
        (10, 20, 1, "urgent"),
        (30, 20, 1, "urgent"),
        (30, 10, 1, "high"),
    ],
)
def test_a_low_answer_reviewed_lately_is_high(
    reviewed: int, answer: int, days: int, severity: str
) -> None:
    risks = Risks()
    risks.hear(submitted(0, reviewed))
    [alert] = risks.open
    [review] = decide(alert, REVIEW)
    risks.review(alert, START, review)
    assert risks.open == []
    risks.hear(submitted(9, answer, at=START + timedelta(days=days)))
    assert {alert.severity for alert in risks.open} == {severity}


def test_a_voided_moved_or_corrected_source_is_told_and_the_alert_stays_open() -> None:
    for change in (voided(1), moved(1), corrected(1, 0)):
        risks = Risks()
        risks.hear(submitted(1, 30))
        [changed] = risks.hear(change)
        assert isinstance(changed, AlertSourceChanged)
        [alert] = risks.open
        assert alert.source_changed
        assert alert.severity == "urgent"


def test_a_correction_that_reveals_a_risk_raises_it() -> None:
    risks = Risks()
    risks.hear(submitted(1, 0))
    assert [type(event) for event in risks.hear(corrected(1, 30))] == [AlertRaised]


def test_a_correction_to_a_higher_answer_notifies_anew() -> None:
    risks = Risks()
    risks.hear(submitted(1, 10))
    changed, repeated = risks.hear(corrected(1, 30))
    assert isinstance(changed, AlertSourceChanged)
    assert isinstance(repeated, AlertRepeated)
    assert repeated.notify


def test_a_correction_of_a_reviewed_rating_to_no_more_raises_nothing() -> None:
    risks = Risks()
    risks.hear(submitted(1, 30))
    [alert] = risks.open
    [review] = decide(alert, REVIEW)
    risks.review(alert, START, review)
    assert risks.hear(corrected(1, 20)) == []
    assert risks.hear(voided(1)) == []


def test_a_rating_moved_away_and_back_is_no_news() -> None:
    risks = Risks()
    risks.hear(submitted(1, 30), moved(1))
    assert risks.hear(submitted(1, 30, moved_from="episode-2")) == []
    [alert] = risks.open
    assert alert.causes == ("rating-1",)


def test_a_rating_moved_here_is_told_as_one_that_came_in_here() -> None:
    risks = Risks()
    [raised] = risks.hear(submitted(1, 30, moved_from="episode-2"))
    assert isinstance(raised, AlertRaised)
    assert raised.severity == "urgent"


def test_imported_risk_is_history_until_a_live_answer_comes() -> None:
    risks = Risks()
    risks.hear(submitted(1, 30, imported=True))
    [alert] = risks.open
    assert alert.historical
    [repeated] = risks.hear(submitted(2, 10))
    assert isinstance(repeated, AlertRepeated)
    assert repeated.notify
    [alert] = risks.open
    assert not alert.historical


def test_a_risk_alert_is_never_resolved_but_by_review() -> None:
    risks = Risks()
    risks.hear(submitted(1, 30))
    [alert] = risks.open
    with pytest.raises(NeedsReview):
        decide(alert, Resolve(actor="Dr A", reason="not needed"))
    [review] = decide(alert, REVIEW)
    risks.review(alert, START, review)
    assert risks.alerts[alert.id].status == "resolved"
    with pytest.raises(AlreadyEnded):
        decide(risks.alerts[alert.id], REVIEW)
    with pytest.raises(NeedsReview):
        decide(risks.alerts[alert.id], Resolve(actor="Dr A", reason="not needed"))


def test_only_risk_alerts_are_reviewed() -> None:
    ratings = Ratings()
    ratings.hear(assessed(2, verdict(True)))
    with pytest.raises(NotARisk):
        decide(ratings.only, REVIEW)


def test_acknowledging_twice_changes_nothing() -> None:
    ratings = Ratings()
    ratings.hear(assessed(2, verdict(True)))
    ratings.person(ratings.only, *decide(ratings.only, Acknowledge(actor="Dr A")))
    assert decide(ratings.only, Acknowledge(actor="Dr B")) == []


def test_ratings_never_end_a_risk_alert() -> None:
    risks = Risks()
    risks.hear(submitted(1, 30))
    ratings = Ratings(alerts=dict(risks.alerts))
    assert ratings.hear(assessed(1, verdict(False)), assessed(2, verdict(False))) == []
