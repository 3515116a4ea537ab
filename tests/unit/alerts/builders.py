"""Ratings, verdicts and assessments made in one line, and a series followed through them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.alerts.domain.alert import Alert, AlertEvent, Series, evolve
from services.alerts.domain.judged import JudgedSeries, put, words_of
from services.alerts.domain.reconcile import Change, reconcile
from services.alerts.domain.risk import Received, Reviewed, on_rating
from shared.contracts.feedback import (
    MoveReason,
    RatingContent,
    RatingCorrected,
    RatingCorrection,
    RatingMoved,
    RatingSubmitted,
    RatingVoided,
    RiskFlag,
    VoidReason,
)
from shared.contracts.outcomes import (
    Assessment,
    AssessmentRevised,
    AssessmentWithdrawn,
    RatingAssessed,
    Severity,
    SignalKind,
    Verdict,
)

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SERIES = Series(episode_id="episode-1", client_id="client-1", measure="ors")
WORD = RatingAssessed | AssessmentRevised | AssessmentWithdrawn


def verdict(
    holds: bool,
    *,
    cleared: bool = False,
    rule: str = "reliable_deterioration",
    kind: SignalKind = "state",
    severity: Severity | None = None,
    latest: int = 120,
) -> Verdict:
    """What a rule said."""
    return Verdict(
        rule=rule,
        rule_version=1,
        kind=kind,
        severity=severity or ("high" if kind == "state" else "medium"),
        holds=holds,
        cleared=cleared,
        inputs={"latest": latest},
        thresholds={"reliable_change": "5"},
        text="worse" if holds else "",
    )


def assessed(
    number: int,
    *verdicts: Verdict,
    revised: bool = False,
    imported: bool = False,
    late: timedelta = timedelta(0),
) -> RatingAssessed | AssessmentRevised:
    """The assessment of the rating `number` of the series, a week after the one before."""
    occurred_at = START + timedelta(weeks=number)
    kind = AssessmentRevised if revised else RatingAssessed
    return kind(
        rating_id=f"rating-{number}",
        episode_id=SERIES.episode_id,
        client_id=SERIES.client_id,
        series=SERIES.id,
        measure=SERIES.measure,
        rule_set_version=1,
        occurred_at=occurred_at,
        rating_recorded_at=occurred_at + late,
        imported=imported,
        private=Assessment(
            total=120, baseline=200, change=-80, ordinal=number, verdicts=list(verdicts)
        ),
    )


def withdrawn(number: int) -> AssessmentWithdrawn:
    """The rating `number` is void."""
    return AssessmentWithdrawn(
        rating_id=f"rating-{number}",
        episode_id=SERIES.episode_id,
        client_id=SERIES.client_id,
        series=SERIES.id,
        measure=SERIES.measure,
    )


@dataclass
class Ratings:
    """A series and its alerts, as the rules consumer keeps them."""

    judged: JudgedSeries = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)

    def hear(self, *words: WORD) -> list[AlertEvent]:
        """Take these words in one batch; the events that they led to."""
        self.judged = put(self.judged, words_of(words))
        changes: Sequence[Change] = reconcile(SERIES, self.judged, self.alerts.values())
        for change in changes:
            self.alerts[change.alert.id] = change.alert
        return [change.event for change in changes]

    def person(self, alert: Alert, *events: AlertEvent) -> None:
        """Somebody did something with an alert."""
        for event in events:
            alert = evolve(alert, event)
        self.alerts[alert.id] = alert

    @property
    def standing(self) -> dict[str, tuple[str, str, bool, frozenset[str]]]:
        """The alerts that are not withdrawn: status, severity, history or not, ratings."""
        return {
            alert.id: (alert.status, alert.severity, alert.historical, frozenset(alert.causes))
            for alert in self.alerts.values()
            if alert.status != "withdrawn"
        }

    def status(self) -> str:
        """How the one alert that there is stands."""
        return str(self.only.status)

    def severity(self) -> str:
        """How severe it is."""
        return str(self.only.severity)

    @property
    def only(self) -> Alert:
        """The one alert that there is."""
        [alert] = self.alerts.values()
        return alert


def submitted(
    number: int,
    *answers: int | None,
    imported: bool = False,
    at: datetime | None = None,
    moved_from: str | None = None,
) -> Received:
    """A form with these answers (tenths) to its risk items."""
    occurred_at = at or START + timedelta(weeks=number)
    event = RatingSubmitted(
        rating_id=f"rating-{number}",
        episode_id=SERIES.episode_id,
        client_id=SERIES.client_id,
        measure="phq-9",
        definition_version=1,
        occurred_at=occurred_at,
        imported=imported,
        moved_from=moved_from,
        private=RatingContent(risk=flags(answers)),
    )
    return Received(f"submitted-{number}-{moved_from}", occurred_at, event)


def corrected(number: int, *answers: int | None) -> Received:
    """The same form, corrected to these answers."""
    base = submitted(number)
    event = RatingCorrected(
        rating_id=f"rating-{number}",
        episode_id=SERIES.episode_id,
        client_id=SERIES.client_id,
        measure="phq-9",
        definition_version=1,
        occurred_at=base.event.occurred_at,  # type: ignore[union-attr]  # not a void
        private=RatingCorrection(risk=flags(answers), reason="typing error"),
    )
    return Received(f"corrected-{number}", base.recorded_at, event)


def voided(number: int) -> Received:
    """The form does not count any more."""
    event = RatingVoided(
        rating_id=f"rating-{number}",
        episode_id=SERIES.episode_id,
        client_id=SERIES.client_id,
        measure="phq-9",
        private=VoidReason(reason="wrong client"),
    )
    return Received(f"voided-{number}", START + timedelta(weeks=number), event)


def moved(number: int) -> Received:
    """The form belongs to another episode."""
    event = RatingMoved(
        rating_id=f"rating-{number}",
        episode_id=SERIES.episode_id,
        client_id=SERIES.client_id,
        measure="phq-9",
        to_episode_id="episode-2",
        private=MoveReason(reason="wrong client"),
    )
    return Received(f"moved-{number}", START + timedelta(weeks=number), event)


def flags(answers: Iterable[int | None]) -> list[RiskFlag]:
    """Risk flags of the items 9, 10, …"""
    return [RiskFlag(str(9 + i), "self", value) for i, value in enumerate(answers)]


@dataclass
class Risks:
    """The risk alerts of a series, as the risk consumer keeps them."""

    alerts: dict[str, Alert] = field(default_factory=dict)
    reviewed: Reviewed | None = None

    def hear(self, *received: Received) -> list[AlertEvent]:
        """Take these one after another; the events that they led to."""
        events = []
        for one in received:
            for event, alert in on_rating(one, list(self.alerts.values()), self.reviewed):
                self.alerts[alert.id] = alert
                events.append(event)
        return events

    def review(self, alert: Alert, at: datetime, event: AlertEvent) -> None:
        """A person reviewed `alert`."""
        self.alerts[alert.id] = evolve(alert, event)
        self.reviewed = Reviewed(alert.value, at)

    @property
    def open(self) -> list[Alert]:
        """The alerts that are not over."""
        return [alert for alert in self.alerts.values() if not alert.ended]
