"""Risk alerts, from the submission alone.

Nothing else is asked: not the episode, not the assessment, not what came before it on the topic.
So a risk alert never waits behind another service, a parked event or an import.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from services.alerts.domain.alert import Alert, AlertEvent, evolve, is_historical, series_of
from services.alerts.domain.severity import after_repetitions, worse
from shared.contracts.alerts import (
    AlertContent,
    AlertRaised,
    AlertRepeated,
    AlertSourceChanged,
)
from shared.contracts.feedback import (
    RatingCorrected,
    RatingMoved,
    RatingSubmitted,
    RatingVoided,
    RiskFlag,
)
from shared.contracts.outcomes import Severity
from shared.ids import derived_id
from shared.measures import points
from shared.measures.rules.episodes import risk_item_unanswered

RISK_ITEM = "risk_item"
RISK_ITEM_UNANSWERED = "risk_item_unanswered"
RULES = (RISK_ITEM, RISK_ITEM_UNANSWERED)
RULE_VERSION = 1

FIRES_FROM = 10
"""The lowest answer that is a risk, in tenths."""
ALWAYS_NOTIFIES_FROM = 20
"""An answer from here on, in tenths, notifies anew even while an alert is open."""
REVIEW_HOLDS = timedelta(days=30)
"""How long a review lets the same low answer pass as high instead of urgent."""

Report = RatingSubmitted | RatingCorrected
"""What says how a risk item was answered."""
Rating = RatingSubmitted | RatingCorrected | RatingVoided | RatingMoved
"""What may raise or change a risk alert."""


class Reviewed(msgspec.Struct, frozen=True):
    """The last review of the key: the answer reviewed (tenths; None if erased), and when."""

    value: int | None
    at: datetime


class Received(NamedTuple):
    """An event of feedback with what its envelope says."""

    event_id: str
    recorded_at: datetime
    event: Rating


def on_rating(
    received: Received, alerts: Sequence[Alert], reviewed: Reviewed | None
) -> list[tuple[AlertEvent, Alert]]:
    """What a submission, correction, void or move leads to, each event with the alert after it.

    `alerts` are the risk alerts that the series ever had, `reviewed` the last review of its
    `risk_item`.
    """
    found: list[tuple[AlertEvent, Alert]] = []
    for rule in RULES:
        of_rule = [alert for alert in alerts if alert.rule == rule]
        changed = _source_changed(received, of_rule)
        found += changed
        after = {alert.id: alert for _, alert in changed}
        of_rule = [after.get(alert.id, alert) for alert in of_rule]
        event = received.event
        if isinstance(event, RatingVoided | RatingMoved) or event.private is None:
            continue
        content = fires(rule, event.measure, event.private.risk)
        if content is not None:
            found += _raise_or_repeat(rule, received, event, content, of_rule, reviewed)
    return found


def fires(rule: str, measure: str, flags: Sequence[RiskFlag]) -> AlertContent | None:
    """What the alert says if the rule holds for these answers, else None."""
    if rule == RISK_ITEM:
        at_risk = {f"item_{f.item}": f.value for f in flags if f.value and f.value >= FIRES_FROM}
        if not at_risk:
            return None
        answers = ", ".join(
            f"{name.replace('_', ' ')} = {points(v)}" for name, v in at_risk.items()
        )
        return AlertContent(
            inputs=at_risk,
            thresholds={"risk_item": points(FIRES_FROM)},
            text=f"A risk item of {measure} was answered: {answers}.",
            counterfactual=f"An answer below {points(FIRES_FROM)} would not have fired.",
            flags=_targets(f for f in flags if f"item_{f.item}" in at_risk),
        )
    skipped = risk_item_unanswered(flags)
    if not skipped:
        return None
    items = ", ".join(f"item {item}" for item in skipped)
    return AlertContent(
        text=f"A risk item of {measure} was skipped: {items}.",
        counterfactual="Any answer to the item would not have fired.",
        flags=_targets(f for f in flags if f.item in skipped),
    )


def severity(value: int, reviewed: Reviewed | None, at: datetime) -> Severity:
    """Urgent; high only for the lowest answer, reviewed lately at least as high."""
    known = reviewed is not None and reviewed.value is not None and value <= reviewed.value
    fresh = reviewed is not None and at - reviewed.at <= REVIEW_HOLDS
    return "high" if value <= FIRES_FROM and known and fresh else "urgent"


def _targets(flags: Iterable[RiskFlag]) -> list[str]:
    return sorted({"risk_self" if flag.target == "self" else "risk_other" for flag in flags})


def _source_changed(received: Received, alerts: Sequence[Alert]) -> list[tuple[AlertEvent, Alert]]:
    """A correction, void or move is told to the open alert behind which the rating is; it stays
    open."""
    event = received.event
    if isinstance(event, RatingSubmitted):
        return []
    told: list[tuple[AlertEvent, Alert]] = []
    for alert in alerts:
        if not alert.ended and event.rating_id in alert.causes:
            changed = AlertSourceChanged(**alert.about, cause_id=event.rating_id)
            told.append((changed, evolve(alert, changed)))
    return told


def _raise_or_repeat(
    rule: str,
    received: Received,
    event: Report,
    content: AlertContent,
    alerts: Sequence[Alert],
    reviewed: Reviewed | None,
) -> list[tuple[AlertEvent, Alert]]:
    value = max(content.inputs.values(), default=None)
    is_again = isinstance(event, RatingCorrected) or event.moved_from is not None
    if is_again and _known(event.rating_id, value, alerts):
        return []
    level: Severity = "medium" if value is None else severity(value, reviewed, received.recorded_at)
    late = is_historical(event.occurred_at, received.recorded_at, imported=event.imported)
    alert = next((alert for alert in alerts if not alert.ended), None)
    if alert is None:
        raised = _raised(rule, received.event_id, event, content, level, late=late)
        return [(raised, evolve(None, raised))]
    repeated = AlertRepeated(
        **alert.about,
        severity=worse(
            worse(alert.severity, level), after_repetitions(alert.base, len(alert.causes))
        ),
        notify=not late and _is_news(alert, value),
        historical=late,
        cause_id=event.rating_id,
        occurred_at=event.occurred_at,
        private=content,
    )
    return [(repeated, evolve(alert, repeated))]


def _known(rating_id: str, value: int | None, alerts: Sequence[Alert]) -> bool:
    """Whether a rating that was corrected, or moved back, says no more than an alert of it has
    said already."""
    return any(
        rating_id in alert.causes and (value is None or (alert.value or 0) >= value)
        for alert in alerts
    )


def _is_news(alert: Alert, value: int | None) -> bool:
    if alert.historical:
        return True
    if value is None:
        return False
    return value >= ALWAYS_NOTIFIES_FROM or value > (alert.value or 0)


def _raised(
    rule: str,
    event_id: str,
    event: Report,
    content: AlertContent,
    level: Severity,
    *,
    late: bool,
) -> AlertRaised:
    series = series_of(event)
    return AlertRaised(
        alert_id=derived_id("alert", series.id, rule, event_id),
        episode_id=event.episode_id,
        client_id=event.client_id,
        rule=rule,
        rule_version=RULE_VERSION,
        kind="risk",
        measure=event.measure,
        rater_kind=event.rater_kind,
        rater_id=event.rater_id,
        severity=level,
        historical=late,
        cause_id=event.rating_id,
        occurred_at=event.occurred_at,
        private=content,
    )
