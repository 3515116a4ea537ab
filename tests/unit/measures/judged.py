"""What the default rules say of a series, in one line."""

from collections.abc import Sequence
from typing import Any

from shared.contracts.outcomes import Verdict
from shared.measures import Definition, Series, assess, assess_all, default_rules, measure
from shared.measures.expected import Curve

RULES = default_rules()


def verdicts(
    definition: Definition, totals: Sequence[int], rule: str, **person: Any
) -> list[Verdict | None]:
    """What `rule` says of each rating (tenths); None where it says nothing."""
    assessments = assess_all(definition, RULES, totals, **person)
    return [
        next((one for one in assessment.verdicts if one.rule == rule), None)
        for assessment in assessments
    ]


def last(definition: Definition, totals: Sequence[int], rule: str, **person: Any) -> Verdict | None:
    """What `rule` says of the last rating."""
    return verdicts(definition, totals, rule, **person)[-1]


def held(definition: Definition, totals: Sequence[int], rule: str, **person: Any) -> list[bool]:
    """On which ratings `rule` holds."""
    return [one is not None and one.holds for one in verdicts(definition, totals, rule, **person)]


def cleared(definition: Definition, totals: Sequence[int], rule: str, **person: Any) -> list[bool]:
    """Which ratings end what `rule` raised."""
    return [one is not None and one.cleared for one in verdicts(definition, totals, rule, **person)]


def prompted(total: int, ordinal: int, outcome_gain: int | None) -> bool:
    """Whether a rating of the SRS, the `ordinal`th, prompts by `alliance_ceiling`."""
    definition, series = measure("srs"), Series()
    for _ in range(ordinal - 1):
        series, _ = assess(definition, RULES, series, 380)
    _, found = assess(definition, RULES, series, total, outcome_gain=outcome_gain)
    return any(one.rule == "alliance_ceiling" for one in found.verdicts)


def a_curve(**changes: Any) -> Curve:
    """A fitted curve of the BDI: from 20 to about 11 at rating 16, with a deviation of 5."""
    fields: dict[str, Any] = {
        "measure": "bdi",
        "age_group": "adult",
        "version": 1,
        "kind": "fitted",
        "intercept": 18.0,
        "slope": -2.5,
        "baseline_effect": 1.0,
        "interaction": 0.0,
        "baseline_mean": 20.0,
        "g00": 0.0,
        "g01": 0.0,
        "g11": 0.0,
        "variance": 25.0,
        "longest": 16,
    }
    return Curve(**fields | changes)
