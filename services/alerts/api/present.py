"""From alerts and their events to what callers see."""

from collections.abc import Mapping, Sequence
from typing import Literal

from services.alerts.api.models import AlertView, Done, HistoryView, RaterView, RuleView
from services.alerts.domain.alert import Alert, alert_stream
from services.alerts.handlers import Around
from services.alerts.rows import Row
from shared.contracts import Event, Recorded
from shared.contracts.alerts import (
    AlertAcknowledged,
    AlertAssigned,
    AlertContent,
    AlertNote,
    AlertRaised,
    AlertRepeated,
    AlertResolved,
    AlertReviewed,
    AlertSourceChanged,
    AlertWithdrawn,
)
from shared.eventstore.position import encode_position
from shared.web import from_tenths

BY_RULE = "rule"
WRITTEN = ("note", "seen_how", "outcome", "reason")

EPISODE_STATUS: Mapping[bool | None, Literal["open", "closed", "unknown"]] = {
    False: "open",
    True: "closed",
    None: "unknown",
}
"""By whether the episode is closed; None: nobody has told of it yet."""


def link(alert_id: str) -> str:
    """Where an alert is found."""
    return f"/alerts/v1/alerts/{alert_id}"


def done(alert: Alert) -> bytes:
    """The answer to a command."""
    view = Done(
        id=alert.id,
        client_id=alert.series.client_id,
        episode_id=alert.series.episode_id,
        status=alert.status,
        severity=alert.severity,
        version=alert.version,
        position=encode_position("alerts", alert_stream(alert.id), alert.version),
        link=link(alert.id),
    )
    return view.model_dump_json().encode()


def alert_view(
    row: Row, told: Sequence[Recorded[Event]], around: Around, *, words: bool
) -> AlertView:
    """An alert with its history; `row` is made of the same events.

    Without `words` all that people wrote is left out: it may tell who the client is.
    """
    alert, series = row.alert, row.alert.series
    content = alert.content or AlertContent()
    owner = around.owners.get(series.episode_id)
    history = [history_view(one) for one in told]
    return AlertView(
        id=alert.id,
        client_id=series.client_id,
        episode_id=series.episode_id,
        episode_status=EPISODE_STATUS[around.closed.get(series.episode_id)],
        rule=RuleView(id=alert.rule, version=alert.rule_version),
        kind=alert.kind,
        measure=series.measure or None,
        rater=RaterView(kind=series.rater_kind, id=series.rater_id) if series.measure else None,
        severity=alert.severity,
        status=alert.status,
        historical=alert.historical,
        source_changed=alert.source_changed,
        raised_at=row.raised_at,
        occurred_at=alert.occurred_at,
        inputs=points_of(content),
        thresholds={name: float(value) for name, value in content.thresholds.items()},
        counterfactual=content.counterfactual,
        text=content.text,
        flags=content.flags,
        assignee=owner,
        ownerless=owner is None and not alert.ended,
        history=history if words else [without_words(one) for one in history],
        held_back_since=around.held_back_since.get(series.client_id),
        version=alert.version,
        link=link(alert.id),
    )


def points_of(content: AlertContent) -> dict[str, float]:
    """What the rule looked at, in points."""
    return {name: from_tenths(tenths) for name, tenths in content.inputs.items()}


def without_words(view: HistoryView) -> HistoryView:
    """What happened, without what somebody wrote about it."""
    return view.model_copy(update=dict.fromkeys(WRITTEN))


def history_view(recorded: Recorded[Event]) -> HistoryView:
    """One event of an alert's stream."""
    at, event = recorded.recorded_at, recorded.data
    match event:
        case AlertRaised() | AlertRepeated():
            return HistoryView(
                at=at,
                what="raised" if isinstance(event, AlertRaised) else "repeated",
                by=BY_RULE,
                severity=event.severity,
                cause_id=event.cause_id,
                inputs=points_of(event.private) if event.private else None,
            )
        case AlertSourceChanged():
            return HistoryView(at=at, what="source_changed", by=BY_RULE, cause_id=event.cause_id)
        case AlertWithdrawn():
            return HistoryView(at=at, what="withdrawn", by=BY_RULE)
        case AlertAcknowledged():
            return HistoryView(at=at, what="acknowledged", by=_actor(event.private))
        case AlertAssigned(to=to, by_rule=by_rule, private=note):
            by = BY_RULE if by_rule else _actor(note)
            return HistoryView(at=at, what="assigned", by=by, to=to)
        case AlertReviewed(private=note):
            note = note or AlertNote()
            return HistoryView(
                at=at,
                what="reviewed",
                by=note.actor,
                seen_how=note.seen_how,
                outcome=note.outcome,
            )
        case AlertResolved(by_rule=by_rule, private=note):
            note = note or AlertNote()
            by = BY_RULE if by_rule else note.actor
            return HistoryView(at=at, what="resolved", by=by, reason=note.reason, note=note.note)
    raise TypeError(f"{type(event).__name__} is no event of an alert")


def _actor(note: AlertNote | None) -> str | None:
    return note.actor if note else None
