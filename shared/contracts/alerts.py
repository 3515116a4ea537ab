"""Events of alerts: the life of an alert. Scores are integer tenths."""

# ruff: noqa: RUF012 - msgspec gives every Struct its own copy of an empty default.

from datetime import datetime
from typing import ClassVar

from shared.contracts.events import Event, Private
from shared.contracts.feedback import RaterKind
from shared.contracts.outcomes import Severity, SignalKind


class AlertContent(Private, frozen=True, kw_only=True):
    """Why it fired: inputs (tenths), thresholds (exact decimals), words, what would not have."""

    inputs: dict[str, int] = {}
    thresholds: dict[str, str] = {}
    text: str = ""
    counterfactual: str = ""
    flags: list[str] = []


class AlertRaised(Event, frozen=True, kw_only=True):
    """Stream `alert-<id>`: somebody must know. The key (episode, rule, measure, rater) is open
    once at a time; `cause_id` is the rating that raised it, or the session or the contact after
    which a rule of time did. Of rules on the episode as a whole `measure` is empty."""

    type: ClassVar[str] = "heroic.alerts.AlertRaised"
    alert_id: str
    episode_id: str
    client_id: str
    rule: str
    rule_version: int
    kind: SignalKind
    measure: str
    rater_kind: RaterKind = "self"
    rater_id: str | None = None
    severity: Severity
    historical: bool = False
    cause_id: str
    occurred_at: datetime
    private: AlertContent | None


class AlertRepeated(Event, frozen=True, kw_only=True):
    """Stream `alert-<id>`: the rule held again while open; `severity` as it stands now."""

    type: ClassVar[str] = "heroic.alerts.AlertRepeated"
    alert_id: str
    episode_id: str
    client_id: str
    severity: Severity
    notify: bool = False
    historical: bool = False
    cause_id: str
    occurred_at: datetime
    private: AlertContent | None


class AlertSourceChanged(Event, frozen=True, kw_only=True):
    """Stream `alert-<id>`: a rating behind the alert was corrected, voided or moved.

    A risk alert stays open: only a person's review ends it. Another says what holds instead
    (`private`, and when that occurred), or how severe it is without what is gone (`severity`; None:
    as before).
    """

    type: ClassVar[str] = "heroic.alerts.AlertSourceChanged"
    alert_id: str
    episode_id: str
    client_id: str
    cause_id: str
    severity: Severity | None = None
    occurred_at: datetime | None = None
    private: AlertContent | None = None


class AlertNote(Private, frozen=True, kw_only=True):
    """What somebody did and said about an alert."""

    actor: str | None = None
    note: str | None = None
    seen_how: str | None = None
    outcome: str | None = None
    reason: str | None = None


class AlertAcknowledged(Event, frozen=True, kw_only=True):
    """Stream `alert-<id>`: a named person has seen it."""

    type: ClassVar[str] = "heroic.alerts.AlertAcknowledged"
    alert_id: str
    episode_id: str
    client_id: str
    private: AlertNote | None


class AlertAssigned(Event, frozen=True, kw_only=True):
    """Stream `alert-<id>`: it is for somebody else from now on, by the care team as it stands
    (`by_rule`) or by what a person said; `to` None: there is nobody left to whom it could go."""

    type: ClassVar[str] = "heroic.alerts.AlertAssigned"
    alert_id: str
    episode_id: str
    client_id: str
    to: str | None = None
    by_rule: bool = False
    private: AlertNote | None = None


class AlertReviewed(Event, frozen=True, kw_only=True):
    """Stream `alert-<id>`: a named person reviewed a risk alert; this resolves it."""

    type: ClassVar[str] = "heroic.alerts.AlertReviewed"
    alert_id: str
    episode_id: str
    client_id: str
    private: AlertNote | None


class AlertResolved(Event, frozen=True, kw_only=True):
    """Stream `alert-<id>`: it ended, by itself (`by_rule`) or by a person."""

    type: ClassVar[str] = "heroic.alerts.AlertResolved"
    alert_id: str
    episode_id: str
    client_id: str
    by_rule: bool
    private: AlertNote | None = None


class AlertWithdrawn(Event, frozen=True, kw_only=True):
    """Stream `alert-<id>`: its cause was corrected away; it stays listed, with the reason."""

    type: ClassVar[str] = "heroic.alerts.AlertWithdrawn"
    alert_id: str
    episode_id: str
    client_id: str
    private: AlertNote | None = None


class ClientPurged(Event, frozen=True, kw_only=True):
    """Stream `purge-<client id>`: nothing of an erased client is left in alerts."""

    type: ClassVar[str] = "heroic.alerts.ClientPurged"
    client_id: str
    request_id: str
