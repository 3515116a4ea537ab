"""What people do with alerts: commands, and the events that they lead to."""

from typing import ClassVar

import msgspec

from services.alerts.domain.alert import Alert, AlertEvent
from shared.contracts.alerts import (
    AlertAcknowledged,
    AlertNote,
    AlertResolved,
    AlertReviewed,
)
from shared.errors import Conflict


class NeedsReview(Conflict):
    """A risk alert ends only by a named person's review."""

    code, title = "needs_review", "A risk alert needs a person's review"


class NotARisk(Conflict):
    """Only a risk alert is reviewed; others are resolved."""

    code, title = "not_a_risk", "Not a risk alert"


class AlreadyEnded(Conflict):
    """The alert is over."""

    code, title = "already_ended", "The alert has ended"


class Acknowledge(msgspec.Struct, frozen=True, kw_only=True):
    """`actor` has seen it."""

    name: ClassVar[str] = "acknowledge"
    actor: str


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """`actor` has looked into a risk: how, and with what outcome."""

    name: ClassVar[str] = "review"
    actor: str
    seen_how: str
    outcome: str


class Resolve(msgspec.Struct, frozen=True, kw_only=True):
    """`actor` ends an alert that is not about risk, and says why."""

    name: ClassVar[str] = "resolve"
    actor: str
    reason: str
    note: str | None = None


Command = Acknowledge | Review | Resolve


def decide(alert: Alert, command: Command) -> list[AlertEvent]:
    """The events of a command; none where it changes nothing.

    Raises NeedsReview, NotARisk or AlreadyEnded.
    """
    # The kind of ending is said even of an alert that is over: the caller has the wrong call.
    if isinstance(command, Resolve) and alert.is_risk:
        raise NeedsReview
    if isinstance(command, Review) and not alert.is_risk:
        raise NotARisk
    if alert.ended:
        raise AlreadyEnded
    match command:
        case Acknowledge(actor=actor):
            if alert.status == "acknowledged":
                return []
            return [AlertAcknowledged(**alert.about, private=AlertNote(actor=actor))]
        case Review(actor=actor, seen_how=seen_how, outcome=outcome):
            note = AlertNote(actor=actor, seen_how=seen_how, outcome=outcome)
            return [AlertReviewed(**alert.about, private=note)]
        case Resolve(actor=actor, reason=reason, note=words):
            note = AlertNote(actor=actor, reason=reason, note=words)
            return [AlertResolved(**alert.about, by_rule=False, private=note)]
