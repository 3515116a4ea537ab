"""A series of ratings (one episode, measure and rater), assessed one rating after another.

The ratings come in clinical order: by when they occurred, ties by their version in the stream.
`Series` is all that must be remembered of those before; it packs into four small numbers. Late,
corrected or voided ratings: fold the series anew from the beginning.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from shared.contracts.intake import AgeGroup
from shared.contracts.outcomes import Assessment
from shared.measures.change import classify, reliable_change_index
from shared.measures.definition import Definition
from shared.measures.rule_set import RuleSet
from shared.measures.rules import EVALUATE, Seen

LATE_BASELINE = "late_baseline"


class Series(msgspec.Struct, frozen=True, array_like=True):
    """What is remembered of a series, in tenths. `ordinal` is that of its latest scored rating.

    `drop_from` is the score before the fall that `session_drop` last raised and that is not over
    yet; None where there is none.
    """

    ordinal: int = 0
    baseline: int = 0
    previous: int = 0
    drop_from: int | None = None


def clinical_order(occurred_at: datetime, version: int) -> tuple[datetime, int]:
    """The key to sort ratings by."""
    return occurred_at, version


def assess(
    definition: Definition,
    rules: RuleSet,
    series: Series,
    total: int,
    *,
    age_group: AgeGroup = "adult",
    primary: bool = True,
    late_baseline: bool = False,
) -> tuple[Series, Assessment]:
    """Assess the next scored rating of `series` (`total` in tenths); the series with it added.

    Every rule that could be evaluated gives a verdict, whether it holds or not. Those of a
    measure that is not the episode's `primary` one are of kind `mark`. A `late_baseline` takes
    the classification away.
    """
    first = series.ordinal == 0
    baseline = total if first else series.baseline
    seen = Seen(series.ordinal + 1, baseline, series.previous, total)
    verdicts, drop_from = [], series.drop_from
    for rule in rules.rules:
        if definition.reliable_change is None or seen.ordinal < rule.least_ratings:
            continue
        verdict, drop_from = EVALUATE[rule.id](definition, rule, seen, drop_from)
        verdicts.append(verdict if primary else msgspec.structs.replace(verdict, kind="mark"))
    threshold = definition.reliable_change
    compared = not first and not late_baseline
    assessment = Assessment(
        total=total,
        baseline=baseline,
        change=total - baseline,
        ordinal=seen.ordinal,
        reliable_change=threshold.text if threshold else None,
        index=None if first else reliable_change_index(definition, baseline, total),
        classification=classify(definition, age_group, baseline, total) if compared else None,
        flags=[LATE_BASELINE] if late_baseline else [],
        verdicts=verdicts,
    )
    return Series(seen.ordinal, baseline, total, drop_from), assessment


def assess_all(
    definition: Definition,
    rules: RuleSet,
    totals: Iterable[int],
    *,
    age_group: AgeGroup = "adult",
    primary: bool = True,
    late_baseline: bool = False,
) -> Iterator[Assessment]:
    """The assessment of each of `totals` (tenths, in clinical order)."""
    series = Series()
    for total in totals:
        series, assessment = assess(
            definition,
            rules,
            series,
            total,
            age_group=age_group,
            primary=primary,
            late_baseline=late_baseline,
        )
        yield assessment
