"""The alerts that a series of assessments calls for, as the alerts service would keep them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from math import inf
from typing import NamedTuple

from services.alerts.domain.judged import put, words_of
from services.alerts.domain.spans import rules_in, spans
from shared.contracts.outcomes import Assessment, RatingAssessed, Severity

# What orders ratings of one time is their ordinal: here all are of one time.
AT = datetime(1970, 1, 1, tzinfo=UTC)


class Span(NamedTuple):
    """An alert of `rule` from the place of the rating that raised it to that of the one that
    ended it (None: open at the end). `ratings` counts those on which the rule held."""

    rule: str
    severity: Severity
    opened: int
    ended: int | None
    ratings: int


def alerts_of(client: str, assessments: Sequence[Assessment]) -> list[Span]:
    """The alerts of a series, in the order in which they were raised."""
    events = [event_of(client, place, one) for place, one in enumerate(assessments)]
    judged = put({}, words_of(events))
    found = []
    for rule in sorted(rules_in(judged)):
        for span in spans(client, rule, judged):
            rated = [int(one.rating_id) for one, _ in span.ratings]
            ended = int(span.ended_by.rating_id) if span.ended_by is not None else None
            found.append(Span(rule, span.severity, rated[0], ended, len(rated)))
    return sorted(found, key=lambda one: one.opened)


def event_of(client: str, place: int, assessment: Assessment) -> RatingAssessed:
    """The event that would have said it; ratings go by their place in the series."""
    return RatingAssessed(
        rating_id=str(place),
        episode_id=client,
        client_id=client,
        series=client,
        measure="",
        rule_set_version=0,
        occurred_at=AT,
        rating_recorded_at=AT,
        private=assessment,
    )


def concerns(alerts: Iterable[Span]) -> int:
    """How often a concern begins: with an alert where none was open, or ended at this rating.

    `alerts` come in the order in which they were raised.
    """
    begun, until = 0, -1.0
    for one in alerts:
        begun += one.opened > until
        until = max(until, inf if one.ended is None else one.ended)
    return begun
