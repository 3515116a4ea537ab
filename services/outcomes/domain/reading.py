"""How a series reads: its baseline, its latest rating, the change, and what they mean."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

import msgspec

from services.outcomes.domain.standards import Definitions
from services.outcomes.domain.state import Care, Rating, Series
from shared.contracts.outcomes import Change
from shared.measures import Person, class_for, thresholds_for

LATE_AFTER = timedelta(days=30)
LATE_SESSION = 2


class Reading(msgspec.Struct, frozen=True):
    """What a series says now. Tenths; `reliable_change` is an exact decimal in points.

    `change` is latest - baseline as it is; the classification is None for a single rating, a late
    baseline, an episode that has not arrived yet, and a measure without a reliable change.
    """

    baseline: Rating | None = None
    latest: Rating | None = None
    change: int | None = None
    reliable_change: str | None = None
    classification: Change | None = None
    late_baseline: bool = False


def read(series: Series, care: Care, definitions: Definitions, sex: str | None) -> Reading:
    """Read one series in the light of what intake says of its episode and client.

    Of a measure whose definition has not arrived yet, only the scores are known.
    """
    baseline = baseline_of(series)
    latest = next((one for one in reversed(series.ratings) if one.total is not None), None)
    if baseline is None or latest is None or baseline.total is None or latest.total is None:
        return Reading()
    definition = definitions.get((series.measure, latest.definition_version))
    late = is_late(series, care)
    threshold, classification = None, None
    if definition is not None:
        person = Person(care.age_group, sex, series.rater_kind)
        threshold, cutoff = thresholds_for(definition, person)
        if baseline is not latest and not late and care.age_group is not None:
            classification = class_for(
                definition.sign, threshold, cutoff, baseline.total, latest.total
            )
    return Reading(
        baseline,
        latest,
        latest.total - baseline.total,
        threshold.text if threshold else None,
        classification,
        late,
    )


def baseline_of(series: Series) -> Rating | None:
    """The first scored rating."""
    return next((one for one in series.ratings if one.total is not None), None)


def is_late(series: Series, care: Care) -> bool:
    """Whether the baseline came too late to be one: after the second held treatment session, or
    more than 30 days after the opening."""
    baseline = baseline_of(series)
    if baseline is None:
        return False
    baseline_at = baseline.occurred_at
    if care.opened_at is not None and baseline_at - care.opened_at > LATE_AFTER:
        return True
    held = [one for one in care.sessions if one.status == "held" and one.type == "treatment"]
    if len(held) < LATE_SESSION:
        return False
    second = held[LATE_SESSION - 1]
    return baseline_at > (second.ends_at or second.starts_at)


def primary_measure(series: Sequence[Series], definitions: Definitions) -> str | None:
    """The measure that drives alerts: that of the clinically first rating which is not about the
    alliance. It does not depend on what arrived first; what cannot be read yet is passed over."""
    firsts = [
        (one.ratings[0].occurred_at, one.ratings[0].version, one.measure)
        for one in series
        if one.ratings and kind_of(one, definitions) == "outcome"
    ]
    return min(firsts)[2] if firsts else None


def kind_of(series: Series, definitions: Definitions) -> Literal["outcome", "alliance"] | None:
    """What a series with ratings is about; None while its definition has not arrived."""
    definition = definitions.get((series.measure, series.ratings[-1].definition_version))
    return definition.kind if definition is not None else None
