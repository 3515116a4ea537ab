"""A series of ratings (one episode, measure and rater), assessed one rating after another.

The ratings come in clinical order: by when they occurred, ties by their version in the stream.
`Series` is all that must be remembered of those before, and it packs small. Late, corrected or
voided ratings: fold the series anew from the beginning, and so for another rule set or curve.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from shared.contracts.feedback import RaterKind
from shared.contracts.intake import AgeGroup
from shared.contracts.outcomes import Assessment
from shared.measures.definition import Definition
from shared.measures.expected import Curve
from shared.measures.judge import Person, judge_for
from shared.measures.rule_set import RuleSet
from shared.measures.rules import Rated, Series

__all__ = ["Series", "assess", "assess_all", "clinical_order"]


def clinical_order(occurred_at: datetime, version: int) -> tuple[datetime, int]:
    """The key to sort ratings by."""
    return occurred_at, version


def assess(
    definition: Definition,
    rules: RuleSet,
    series: Series,
    total: int,
    *,
    age_group: AgeGroup | None = "adult",
    primary: bool = True,
    late_baseline: bool = False,
    curve: Curve | None = None,
    outcome_gain: int | None = None,
    session: int | None = None,
    sex: str | None = None,
    rater: RaterKind = "self",
) -> tuple[Series, Assessment]:
    """Assess the next scored rating of `series` (`total` in tenths); the series with it added.

    Every rule that could alert and was evaluated gives a verdict, whether it holds or not; marks
    and prompts do where they hold. What would alert is a mark where the measure is not the
    episode's `primary` one. A `late_baseline` takes class and curve away; an unknown `age_group`
    (None) takes class, cutoff and curve away. `outcome_gain` (tenths, better is positive) is how
    the primary measure stands against its baseline, for ratings of the alliance, and `session`
    the number of the held session that they are about.
    """
    person = Person(age_group, sex, rater, primary, late_baseline)
    rated = Rated(total, outcome_gain, session)
    return judge_for(definition, rules, person, curve).judge(series, rated)


def assess_all(
    definition: Definition,
    rules: RuleSet,
    totals: Iterable[int],
    *,
    age_group: AgeGroup | None = "adult",
    primary: bool = True,
    late_baseline: bool = False,
    curve: Curve | None = None,
    sex: str | None = None,
    rater: RaterKind = "self",
) -> Iterator[Assessment]:
    """The assessment of each of `totals` (tenths, in clinical order); arguments as of `assess`."""
    judge = judge_for(
        definition, rules, Person(age_group, sex, rater, primary, late_baseline), curve
    )
    series = Series()
    for total in totals:
        series, assessment = judge.judge(series, Rated(total))
        yield assessment
