"""From decided events to writes of the event store."""

from collections.abc import Sequence
from typing import NamedTuple

from services.alerts.domain.alert import Alert, AlertEvent, alert_stream
from shared.eventstore import Append, NewEvent, Write
from shared.ids import derived_id


class Decided(NamedTuple):
    """An event of an alert: what caused it (None: time), and the alert after it.

    `about` tells apart the events of one alert that have one cause; the trace is the cause's.
    """

    event: AlertEvent
    alert: Alert
    about: str
    causation_id: str | None
    correlation_id: str
    traceparent: str | None


def writes_of(tenant: str, decided: Sequence[Decided]) -> list[Write]:
    """One write for each alert, its events in their order."""
    by_alert: dict[str, list[Decided]] = {}
    for one in decided:
        by_alert.setdefault(one.alert.id, []).append(one)
    return [_write(tenant, ones) for ones in by_alert.values()]


def _write(tenant: str, decided: Sequence[Decided]) -> Write:
    last = decided[-1]
    return Write(
        tenant=tenant,
        appends=[append_of(tenant, last.alert, [new_event(one) for one in decided])],
        correlation_id=last.correlation_id,
        traceparent=last.traceparent,
    )


def append_of(tenant: str, alert: Alert, events: Sequence[NewEvent]) -> Append:
    """The events that made `alert` what it is now."""
    client_id = alert.series.client_id
    return Append(
        tenant=tenant,
        stream=alert_stream(alert.id),
        expected=alert.version - len(events),
        events=events,
        subject=client_id,
        secret_of=client_id,
    )


def new_event(decided: Decided) -> NewEvent:
    """The event under an id that follows from its cause: a duplicate is the same event."""
    cause = decided.causation_id or ""
    parts = (decided.alert.id, decided.event.type, cause, decided.about)
    return NewEvent(
        id=derived_id("alert-event", *parts),
        data=decided.event,
        causation_id=decided.causation_id,
    )
