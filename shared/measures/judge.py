"""A definition and a rule set, compiled for one kind of person: judges rating after rating.

All that depends on the ratings alone is worked out here once: whole tenths for every threshold,
the rules that apply, and the verdicts that say nothing but that a rule does not hold.
"""

from collections.abc import Callable
from typing import NamedTuple

from shared.contracts.feedback import RaterKind
from shared.contracts.intake import AgeGroup
from shared.contracts.outcomes import (
    Assessment,
    Change,
    Requirement,
    Rule,
    SignalKind,
    Verdict,
)
from shared.measures.change import CRITICAL, class_of, has_crossed
from shared.measures.definition import Cutoff, Definition, ReliableChange
from shared.measures.expected import Curve
from shared.measures.gains import WINDOW
from shared.measures.rule_set import RuleSet
from shared.measures.rules import (
    NO,
    OVER,
    RECIPES,
    About,
    Evaluate,
    Finding,
    Rated,
    Recipe,
    Series,
    holds,
    quiet,
)

LATE_BASELINE = "late_baseline"
ALERTING: frozenset[SignalKind] = frozenset({"state", "point", "checkpoint"})
"""The kinds whose verdicts are told whether they hold or not: alerts count on both."""


class Person(NamedTuple):
    """What norms, alerts and classes depend on beside the scores.

    `age_group` is None while the episode is unknown. A `primary` measure is the one that drives
    its episode's alerts. A `late_baseline` takes class and curve away.
    """

    age_group: AgeGroup | None = "adult"
    sex: str | None = None
    rater: RaterKind = "self"
    primary: bool = True
    late_baseline: bool = False


class Step(NamedTuple):
    """A rule as it is evaluated and told; `no` and `over` are None where that is not told."""

    rule: Rule
    evaluate: Evaluate
    kind: SignalKind
    no: Verdict | None
    over: Verdict | None


class Judge:
    """Judges the ratings of one measure by one kind of person. A seed curve judges nothing."""

    def __init__(
        self, definition: Definition, rules: RuleSet, person: Person, curve: Curve | None
    ) -> None:
        self._person = person
        self._reliable, self._cutoff = thresholds_for(definition, person)
        self._deviation = deviation(self._reliable)
        self._sign = definition.sign
        usable = curve is not None and curve.kind == "fitted" and not person.late_baseline
        fitted = curve if usable else None
        self._steps = []
        for rule in rules.rules:
            about = About(definition, rule, self._reliable, self._cutoff, fitted)
            recipe = RECIPES[rule.id]
            if recipe.compile is not None and applies(about) and has_all(about, recipe):
                self._steps.append(step_of(rule, recipe.compile(about), primary=person.primary))
        windows = [int(rule.thresholds.get("window", 0)) for rule in rules.rules]
        self._kept = max([2 * WINDOW, *windows]) - 1

    @property
    def rules(self) -> list[str]:
        """The ids of the rules that apply and have all that they need."""
        return [step.rule.id for step in self._steps]

    def judge(self, series: Series, rated: Rated) -> tuple[Series, Assessment]:
        """The series with the next rating in it, and what is said of that rating."""
        total = rated.total
        # Every Struct has it, and it is three times as quick as copy.copy().
        now: Series = series.__copy__()  # type: ignore[attr-defined]  # the stubs leave it out
        now.ordinal += 1
        if now.ordinal == 1:
            now.baseline = total
        now.recent = (*now.recent[-self._kept :], total)
        verdicts = []
        for rule, evaluate, kind, no, over in self._steps:
            found = evaluate(now, rated)
            if found is NO:
                if no is not None:
                    verdicts.append(no)
            elif isinstance(found, Finding):
                verdicts.append(holds(rule, found, kind))
            elif found is OVER and over is not None:
                verdicts.append(over)
        now.previous = total
        return now, self._assessment(now, total, verdicts)

    def _assessment(self, now: Series, total: int, verdicts: list[Verdict]) -> Assessment:
        baseline, reliable = now.baseline, self._reliable
        first = now.ordinal == 1
        return Assessment(
            total=total,
            baseline=baseline,
            change=total - baseline,
            ordinal=now.ordinal,
            reliable_change=reliable.text if reliable is not None else None,
            index=None if first else self._index(total - baseline),
            classification=None if first else self._class_of(baseline, total),
            flags=[LATE_BASELINE] if self._person.late_baseline else [],
            verdicts=verdicts,
        )

    def _class_of(self, baseline: int, total: int) -> Change | None:
        if self._person.late_baseline or self._person.age_group is None:
            return None
        return class_for(self._sign, self._reliable, self._cutoff, baseline, total)

    def _index(self, change: int) -> float | None:
        return change / 10 / self._deviation if self._deviation is not None else None


def thresholds_for(
    definition: Definition, person: Person
) -> tuple[ReliableChange | None, Cutoff | None]:
    """The reliable change and the cutoff of such a person, as far as they are known."""
    if person.age_group is None:
        return definition.reliable_change, None
    of_person = person.age_group, person.sex, person.rater
    return definition.change_of(*of_person), definition.cutoff(*of_person)


def class_for(
    sign: int, reliable: ReliableChange | None, cutoff: Cutoff | None, baseline: int, latest: int
) -> Change | None:
    """The class of a change; `sign` is +1 where higher is better, else -1.

    None without a reliable change. Without a cutoff nobody recovers.
    """
    if reliable is None:
        return None
    gain = sign * (latest - baseline)
    better = gain >= reliable.tenths
    return class_of(
        better=better,
        worse=-gain >= reliable.tenths,
        crossed=better and has_crossed(cutoff, baseline, latest),
    )


def deviation(reliable: ReliableChange | None) -> float | None:
    """The standard error of a difference, in points; None without J&T norms."""
    if reliable is None or reliable.basis != "jacobson-truax":
        return None
    return float(reliable.value) / CRITICAL


def applies(about: About) -> bool:
    """Whether the rule is for this measure."""
    definition, scope = about.definition, about.rule.applies_to
    is_named = not scope.measures or definition.key in scope.measures
    return is_named and definition.kind == scope.kind


def has_all(about: About, recipe: Recipe) -> bool:
    """Whether all is known that the rule needs, in code or by its data."""
    needs = {*recipe.needs, *about.rule.requires}
    return all(KNOWN[need](about) for need in needs) and all(
        about.own(name) is not None for name in recipe.by_measure
    )


# The outcome series comes with each rating, and no rule on ratings asks for sessions.
KNOWN: dict[Requirement, Callable[[About], bool]] = {
    "reliable_change": lambda about: about.reliable_change is not None,
    "cutoff": lambda about: about.cutoff is not None,
    "fitted_curve": lambda about: about.curve is not None,
    "outcome_series": lambda _: True,
    "session_feed": lambda _: False,
}


def step_of(rule: Rule, evaluate: Evaluate, *, primary: bool) -> Step:
    """How a rule is told: what would alert is a mark where the measure is not the primary one."""
    if rule.kind not in ALERTING:
        return Step(rule, evaluate, rule.kind, None, None)
    if not primary:
        return Step(rule, evaluate, "mark", None, None)
    return Step(
        rule,
        evaluate,
        rule.kind,
        no=quiet(rule, cleared=False),
        over=quiet(rule, cleared=True),
    )


def judge_for(
    definition: Definition, rules: RuleSet, person: Person, curve: Curve | None = None
) -> Judge:
    """The judge for this person, compiled once for the very same documents."""
    key = id(definition), id(rules), id(curve), person
    found = _judges.get(key)
    if found is None:
        if len(_judges) >= MOST_JUDGES:
            _judges.clear()
        # The documents are kept as well: the id of one that is gone may be given to another.
        found = _judges[key] = Kept(
            Judge(definition, rules, person, curve), (definition, rules, curve)
        )
    return found.judge


class Kept(NamedTuple):
    """A judge with what it was compiled from."""

    judge: Judge
    documents: tuple[Definition, RuleSet, Curve | None]


MOST_JUDGES = 1_024
_judges: dict[tuple[int, int, int, Person], Kept] = {}
