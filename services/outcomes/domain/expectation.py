"""What a series shows beside its scores: what was expected, targets, sudden gains, how it ended.

None of it is stored: it follows from the ratings and from what was in force when they were
recorded. A curve is of clients' own ratings, and is held against no one else's.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from services.outcomes.domain.reading import Reading
from services.outcomes.domain.standards import Standards
from services.outcomes.domain.state import Care, Rating, Series
from shared.contracts.outcomes import Verdict
from shared.measures import Person, thresholds_for
from shared.measures.curves import seed_curve
from shared.measures.expected import FIRST, Curve, Targets, targets
from shared.measures.gains import Gain, sudden_gains
from shared.measures.rules.episodes import unplanned_ending

GAIN_RULE, ENDING_RULE = "sudden_gain", "unplanned_ending"


class Expected(NamedTuple):
    """What a curve expects of one rating; tenths, as fractions. A seed curve is only a proposal."""

    value: float
    band: dict[str, float]
    curve: Curve


class Leaps(NamedTuple):
    """Sudden gains and losses, and the ratings whose places they name."""

    ratings: Sequence[Rating]
    gains: Sequence[Gain]
    losses: Sequence[Gain]


def scored(series: Series, standards: Standards) -> list[Rating]:
    """The ratings that count: with a score, and a definition that has arrived."""
    return [
        one
        for one in series.ratings
        if one.total is not None and standards.definition(series.measure, one.definition_version)
    ]


def expected_of(
    series: Series, care: Care, reading: Reading, standards: Standards
) -> dict[str, Expected]:
    """What was to be expected of each rating from the second on, by rating id."""
    if reading.late_baseline or series.rater_kind != "self" or care.age_group is None:
        return {}
    rated = scored(series, standards)
    found = {}
    for ordinal, rating in enumerate(rated[FIRST - 1 :], FIRST):
        curve = curve_for(series.measure, care, rating, standards)
        baseline = rated[0].total
        if curve is not None and baseline is not None:
            value = curve.expected(ordinal, baseline)
            found[rating.id] = Expected(value, curve.band(ordinal, baseline), curve)
    return found


def curve_for(measure: str, care: Care, rating: Rating, standards: Standards) -> Curve | None:
    """The fitted curve that was in force when the rating was recorded, else the seed."""
    fitted = standards.curve_at(measure, care.age_group, rating.recorded_at)
    if fitted is not None or care.age_group is None:
        return fitted
    return seed_curve(measure, care.age_group)


def targets_of(
    series: Series, care: Care, reading: Reading, standards: Standards
) -> Targets | None:
    """Where the series should get to, by the curve of its latest rating; None without one."""
    rated = scored(series, standards)
    if reading.late_baseline or series.rater_kind != "self" or not rated:
        return None
    definition = standards.definition(series.measure, rated[-1].definition_version)
    curve = curve_for(series.measure, care, rated[-1], standards)
    baseline = rated[0].total
    if definition is None or curve is None or baseline is None:
        return None
    return targets(curve, baseline, sign=definition.sign)


def leaps_of(series: Series, person: Person, standards: Standards) -> Leaps:
    """The sudden gains and losses of the series as it stands.

    The least step is the rule's own for the measure, else the reliable change.
    """
    rated = scored(series, standards)
    if not rated:
        return Leaps([], [], [])
    definition = standards.definition(series.measure, rated[-1].definition_version)
    cut = own_cut(series.measure, standards, rated[-1])
    if definition is not None and cut is None:
        reliable, _ = thresholds_for(definition, person)
        cut = reliable.value if reliable is not None else None
    if definition is None or cut is None or definition.kind != "outcome":
        return Leaps(rated, [], [])
    values, sign = [one.total for one in rated], definition.sign
    return Leaps(
        rated,
        sudden_gains(values, cut=cut, sign=sign),
        sudden_gains(values, cut=cut, sign=-sign),
    )


def ending_of(
    series: Series, care: Care, person: Person, reading: Reading, standards: Standards
) -> Verdict | None:
    """The mark of an unplanned ending, by the rules that were in force when the episode closed.

    None where it does not hold; it belongs to the latest rating.
    """
    latest = reading.latest
    if latest is None or care.closed_at is None:
        return None
    definition = standards.definition(series.measure, latest.definition_version)
    if definition is None or definition.kind != "outcome":
        return None
    _, cutoff = thresholds_for(definition, person)
    for rule in standards.rules_at(care.closed_at).rules:
        if rule.id == ENDING_RULE and cutoff is not None:
            verdict = unplanned_ending(rule, care.ending, latest.total, cutoff)
            return verdict if verdict.holds else None
    return None


def own_cut(measure: str, standards: Standards, rating: Rating) -> Decimal | None:
    """The least step of a sudden gain that the rules in force give for this measure."""
    for rule in standards.rules_at(rating.recorded_at).rules:
        if rule.id == GAIN_RULE:
            return rule.by_measure.get(measure, {}).get("cut")
    return None
