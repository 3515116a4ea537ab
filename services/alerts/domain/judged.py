"""What alerts remembers of a series: of each rating, what every rule said of it.

The latest word on a rating counts. Whatever the order in which the words come, the series ends up
the same, and with it the alerts that follow from it.
"""

from collections.abc import Iterable
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
    """One rating as it was last assessed. `historical`: it came too late, or as history; `rules`:
    key and version of the rule set that judged it."""

    rating_id: str
    occurred_at: datetime
    ordinal: int
    historical: bool
    said: tuple[Said, ...]
    rules: tuple[str, int] = ("default", 1)


JudgedSeries = dict[str, Judged]
"""A series: the rating's id to how it was last judged."""

Words = dict[str, Judged | None]
"""The last words on some ratings of a series; None: the rating does not count any more."""

Assessment = RatingAssessed | AssessmentRevised | AssessmentWithdrawn
"""What outcomes says of a rating."""


def words_of(events: Iterable[Assessment]) -> Words:
    """The last word on each rating in `events`, which come in the order of their stream."""
    return {event.rating_id: judge(event) for event in events}


def judge(event: Assessment) -> Judged | None:
    """What an event says of its rating; None where it is withdrawn, or its client erased."""
    if isinstance(event, AssessmentWithdrawn) or event.private is None:
        return None
    return Judged(
        event.rating_id,
        event.occurred_at,
        event.private.ordinal,
        is_historical(event.occurred_at, event.rating_recorded_at, imported=event.imported),
        tuple(_said(verdict) for verdict in event.private.verdicts if verdict.kind in ALERTING),
        (event.rule_set_key, event.rule_set_version),
    )


def hold(words: Words) -> bool:
    """Whether any rule holds in these words: else they call for no alert that is not there."""
    return any(said.holds for judged in words.values() if judged for said in judged.said)


def put(series: JudgedSeries, words: Words) -> JudgedSeries:
    """The series with these words as the last on their ratings."""
    merged = series | words
    return {rating_id: judged for rating_id, judged in merged.items() if judged is not None}


def content_of(verdict: Verdict) -> AlertContent:
    """What an alert says of what a rule found."""
    return AlertContent(
        inputs=verdict.inputs,
        thresholds=verdict.thresholds,
        text=verdict.text,
        counterfactual=verdict.counterfactual,
    )


def _said(verdict: Verdict) -> Said:
    return Said(
        verdict.rule,
        verdict.rule_version,
        verdict.kind,
        verdict.severity,
        verdict.holds,
        verdict.cleared,
        content_of(verdict) if verdict.holds else None,
    )
