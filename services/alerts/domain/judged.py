"""What alerts remembers of a series: of each rating, what every rule said of it.

The latest word on a rating counts. Whatever the order in which the words come, the series ends up
the same, and with it the alerts that follow from it.
"""

from datetime import datetime

import msgspec

from services.alerts.domain.alert import is_historical
from shared.contracts.alerts import AlertContent
from shared.contracts.outcomes import (
    AssessmentRevised,
    AssessmentWithdrawn,
    RatingAssessed,
    Severity,
    SignalKind,
    Verdict,
)

ALERTING: frozenset[SignalKind] = frozenset({"state", "point", "checkpoint"})
"""The kinds of signal whose alerts begin and end with the ratings of a series."""


class Said(msgspec.Struct, frozen=True, array_like=True):
    """What one rule said of one rating; `content` only where it holds."""

    rule: str
    rule_version: int
    kind: SignalKind
    severity: Severity
    holds: bool
    cleared: bool
    content: AlertContent | None = None


class Judged(msgspec.Struct, frozen=True, array_like=True):
    """One rating as it was last assessed. `historical`: it came too late, or as history."""

    rating_id: str
    occurred_at: datetime
    ordinal: int
    historical: bool
    said: tuple[Said, ...]


JudgedSeries = dict[str, Judged]
"""A series: the rating's id to how it was last judged."""

_decoder = msgspec.msgpack.Decoder(dict[str, Judged])
_encoder = msgspec.msgpack.Encoder()


def pack(series: JudgedSeries) -> bytes:
    """The series as bytes for its row."""
    return _encoder.encode(series)


def unpack(packed: bytes) -> JudgedSeries:
    """The series from its row."""
    return _decoder.decode(packed)


def judge(
    series: JudgedSeries, event: RatingAssessed | AssessmentRevised | AssessmentWithdrawn
) -> None:
    """Take the latest word on a rating into `series` (changed in place).

    An assessment whose private part was erased counts as withdrawn.
    """
    if isinstance(event, AssessmentWithdrawn) or event.private is None:
        series.pop(event.rating_id, None)
        return
    series[event.rating_id] = Judged(
        event.rating_id,
        event.occurred_at,
        event.private.ordinal,
        is_historical(event.occurred_at, event.rating_recorded_at, imported=event.imported),
        tuple(_said(verdict) for verdict in event.private.verdicts if verdict.kind in ALERTING),
    )


def _said(verdict: Verdict) -> Said:
    content = AlertContent(
        inputs=verdict.inputs,
        thresholds=verdict.thresholds,
        text=verdict.text,
        counterfactual=verdict.counterfactual,
    )
    return Said(
        verdict.rule,
        verdict.rule_version,
        verdict.kind,
        verdict.severity,
        verdict.holds,
        verdict.cleared,
        content if verdict.holds else None,
    )
