"""The alert: its state and how each event changes it.

Risk alerts and rule alerts live the same life with two differences: only a person's review ends a
risk alert, and a risk alert shows the latest answer where a rule alert shows the rating that
raised it. One that time raised shows how long it is by now.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypedDict, cast

import msgspec

from shared.contracts.alerts import (
    AlertAcknowledged,
    AlertAssigned,
    AlertContent,
    AlertRaised,
    AlertRepeated,
    AlertResolved,
    AlertReviewed,
    AlertSourceChanged,
    AlertWithdrawn,
)
from shared.contracts.events import Event
from shared.contracts.feedback import RaterKind
from shared.contracts.outcomes import Severity, SignalKind
from shared.errors import Permanent
from shared.ids import derived_id

Status = Literal["open", "acknowledged", "snoozed", "escalated", "resolved", "withdrawn"]
AlertEvent = (
    AlertRaised
    | AlertRepeated
    | AlertSourceChanged
    | AlertAcknowledged
    | AlertAssigned
    | AlertReviewed
    | AlertResolved
    | AlertWithdrawn
)

LATE = timedelta(hours=72)
"""What is recorded later than this after it occurred raises alerts that are historical."""


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Whose ratings on what: one rater's ratings on one measure in one episode."""

    episode_id: str
    client_id: str
    measure: str
    rater_kind: RaterKind = "self"
    rater_id: str | None = None

    @property
    def id(self) -> str:
        """The series' id; with a rule it is the key under which one alert is open at a time."""
        rater = (self.rater_kind, self.rater_id or "")
        return derived_id("series", self.episode_id, self.measure, *rater)


class OfSeries(Protocol):
    """Any event about a rating."""

    @property
    def episode_id(self) -> str: ...
    @property
    def client_id(self) -> str: ...
    @property
    def measure(self) -> str: ...
    @property
    def rater_kind(self) -> RaterKind: ...
    @property
    def rater_id(self) -> str | None: ...


def series_of(event: OfSeries) -> Series:
    """The series that the rating of `event` belongs to."""
    return Series(
        episode_id=event.episode_id,
        client_id=event.client_id,
        measure=event.measure,
        rater_kind=event.rater_kind,
        rater_id=event.rater_id,
    )


class About(TypedDict):
    """The fields that every event of an alert's stream has."""

    alert_id: str
    episode_id: str
    client_id: str


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An alert as it stands after `version` events of its stream.

    `causes` are the ratings behind it: the one that raised it and its repetitions. `base` is the
    severity at the beginning. `live_version` is the version with which it stopped being merely
    historical (None: it is still). `value` is the highest risk answer so far, in tenths.
    """

    id: str
    series: Series
    rule: str
    rule_version: int
    kind: SignalKind
    base: Severity
    severity: Severity
    status: Status = "open"
    by_person: bool = False
    causes: tuple[str, ...]
    occurred_at: datetime
    content: AlertContent | None = None
    value: int | None = None
    source_changed: bool = False
    version: int = 1
    live_version: int | None = None

    @property
    def historical(self) -> bool:
        """Whether everything behind it is history: then it is delivered to nobody."""
        return self.live_version is None

    @property
    def about(self) -> About:
        """The fields that every event of an alert's stream has."""
        return About(
            alert_id=self.id, episode_id=self.series.episode_id, client_id=self.series.client_id
        )

    @property
    def is_risk(self) -> bool:
        """Whether only a person's review may end it."""
        return self.kind == "risk"

    @property
    def shows_latest(self) -> bool:
        """Whether it says what was found last, not what raised it."""
        return self.kind in ("risk", "time")

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.status in ("resolved", "withdrawn")


def alert_stream(alert_id: str) -> str:
    """The stream that an alert's life is kept in."""
    return f"alert-{alert_id}"


def evolve(alert: Alert | None, event: AlertEvent) -> Alert:
    """The alert after one more event of its stream."""
    if isinstance(event, AlertRaised):
        return _raised(event) if alert is None else _raised_again(alert, event)
    if alert is None:
        raise Permanent("an alert's stream must begin with its raising")
    alert = msgspec.structs.replace(alert, version=alert.version + 1)
    match event:
        case AlertRepeated():
            return _repeated(alert, event)
        case AlertSourceChanged():
            return _source_changed(alert, event)
        case AlertAssigned():
            # Whose it is follows from the care team; the stream tells when that changed.
            return alert
        case AlertAcknowledged():
            return msgspec.structs.replace(alert, status="acknowledged")
        case AlertReviewed():
            return msgspec.structs.replace(alert, status="resolved", by_person=True)
        case AlertResolved():
            return msgspec.structs.replace(alert, status="resolved", by_person=not event.by_rule)
        case AlertWithdrawn():
            return msgspec.structs.replace(alert, status="withdrawn")


def fold(events: Iterable[Event]) -> Alert:
    """The alert after all `events` of its stream; Permanent where it has none."""
    alert: Alert | None = None
    for event in events:
        alert = evolve(alert, cast("AlertEvent", event))
    if alert is None:
        raise Permanent("an alert's stream is empty")
    return alert


def _raised(event: AlertRaised) -> Alert:
    return Alert(
        id=event.alert_id,
        series=series_of(event),
        rule=event.rule,
        rule_version=event.rule_version,
        kind=event.kind,
        base=event.severity,
        severity=event.severity,
        causes=(event.cause_id,),
        occurred_at=event.occurred_at,
        content=event.private,
        value=_value(event.private),
        live_version=None if event.historical else 1,
    )


def _raised_again(alert: Alert, event: AlertRaised) -> Alert:
    """What ended it was itself corrected away: it goes on as if it had never ended."""
    version = alert.version + 1
    return msgspec.structs.replace(
        alert,
        status="open",
        content=event.private,
        version=version,
        live_version=_live_version(alert, version, historical=event.historical),
    )


def _repeated(alert: Alert, event: AlertRepeated) -> Alert:
    reopened = event.notify and alert.status == "acknowledged"
    return msgspec.structs.replace(
        alert,
        status="open" if reopened else alert.status,
        severity=event.severity,
        causes=_with(alert.causes, event.cause_id),
        content=event.private if alert.shows_latest and event.private else alert.content,
        value=_higher(alert.value, _value(event.private)) if alert.is_risk else alert.value,
        live_version=_live_version(alert, alert.version, historical=event.historical),
    )


def _source_changed(alert: Alert, event: AlertSourceChanged) -> Alert:
    if alert.is_risk:
        return msgspec.structs.replace(alert, source_changed=True)
    if event.private is not None:
        occurred_at = event.occurred_at or alert.occurred_at
        alert = msgspec.structs.replace(alert, content=event.private, occurred_at=occurred_at)
    elif event.cause_id != alert.causes[0]:
        causes = tuple(cause for cause in alert.causes if cause != event.cause_id)
        alert = msgspec.structs.replace(alert, causes=causes)
    return msgspec.structs.replace(alert, severity=event.severity or alert.severity)


def _live_version(alert: Alert, version: int, *, historical: bool) -> int | None:
    if alert.live_version is not None or historical:
        return alert.live_version
    return version


def _with(causes: tuple[str, ...], cause: str) -> tuple[str, ...]:
    return causes if cause in causes else (*causes, cause)


def _higher(one: int | None, other: int | None) -> int | None:
    return max((value for value in (one, other) if value is not None), default=None)


def _value(content: AlertContent | None) -> int | None:
    return max(content.inputs.values(), default=None) if content else None


def is_historical(occurred_at: datetime, recorded_at: datetime, *, imported: bool) -> bool:
    """Whether a rating came too late, or as history, to alarm anybody."""
    return imported or recorded_at - occurred_at > LATE
