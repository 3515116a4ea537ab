"""Whether a rule set contradicts itself, or the code that it gives numbers to."""

from collections.abc import Iterator
from decimal import Decimal

from shared.contracts.outcomes import ResolvesWhen, Rule, SignalKind
from shared.errors import FieldError, Invalid
from shared.measures.rule_set import RuleSet
from shared.measures.rules import RECIPES, Recipe

ENDS: dict[SignalKind, ResolvesWhen] = {
    "risk": "reviewed",
    "state": "absent_on_consecutive_ratings",
    "point": "score_is_back",
    "checkpoint": "reliably_better_or_change_agreed",
    "time": "cause_is_gone",
    "system": "cause_is_gone",
    "prompt": "never_open",
    "mark": "never_open",
}
"""How alerts of each kind end."""

BOUNDS: dict[str, tuple[Decimal, Decimal]] = {
    "high_percentile": (Decimal(1), Decimal(49)),
    "medium_percentile": (Decimal(1), Decimal(49)),
    "running": (Decimal(1), Decimal(20)),
    "window": (Decimal(2), Decimal(50)),
    "turns": (Decimal(1), Decimal(50)),
    "sessions": (Decimal(1), Decimal(50)),
    "days": (Decimal(1), Decimal(366)),
    "intervals": (Decimal(1), Decimal(20)),
    "presumed_ended": (Decimal(1), Decimal(20)),
    "hours_after": (Decimal(0), Decimal(720)),
}
"""The least and the most of thresholds that are not scores."""

EARLIEST = 2
"""The first rating at which anything can have changed."""

COUNTS = frozenset(
    {"high_percentile", "medium_percentile", "running", "window", "turns", "sessions"}
)
"""Thresholds that are whole numbers."""


def check_rule_set(rules: RuleSet) -> list[FieldError]:
    """Everything in which the rule set contradicts itself; empty if it is sound."""
    return list(problems(rules))


def read_rule_set(rules: RuleSet) -> RuleSet:
    """`rules`, if they are sound; Invalid naming every contradiction if not."""
    found = check_rule_set(rules)
    if found:
        raise Invalid("The rule set contradicts itself.", errors=found)
    return rules


def problems(rules: RuleSet) -> Iterator[FieldError]:
    """Every contradiction by its place."""
    if not rules.key:
        yield FieldError("/key", "must not be empty", "bad_name")
    if rules.version < 1:
        yield FieldError("/version", "versions count from 1", "bad_version")
    seen: set[str] = set()
    for place, rule in enumerate(rules.rules):
        pointer = f"/rules/{place}"
        recipe = RECIPES.get(rule.id)
        if rule.id in seen:
            yield FieldError(f"{pointer}/id", f"{rule.id} is there twice", "twice")
        seen.add(rule.id)
        if recipe is None:
            yield FieldError(f"{pointer}/id", "there is no such rule", "unknown_rule")
            continue
        yield from check_kind(pointer, rule, recipe)
        yield from check_numbers(pointer, rule, recipe)
        yield from check_places(pointer, rule, recipe)


def check_kind(pointer: str, rule: Rule, recipe: Recipe) -> Iterator[FieldError]:
    """Kind, severity, scope, needs and ending: as the code is, or turned down to a mark."""
    if rule.version < 1:
        yield FieldError(f"{pointer}/version", "versions count from 1", "bad_version")
    if rule.kind not in (recipe.kind, "mark"):
        yield FieldError(f"{pointer}/kind", f"must be {recipe.kind} or mark", "wrong_kind")
    if rule.severity == "urgent":
        yield FieldError(f"{pointer}/severity", "is kept for risk items", "wrong_severity")
    if rule.kind in ("prompt", "mark") and rule.severity != "info":
        yield FieldError(
            f"{pointer}/severity", f"must be info: a {rule.kind} alerts nobody", "wrong_severity"
        )
    scope = "alliance" if recipe.alliance else "outcome"
    if rule.applies_to.kind != scope:
        yield FieldError(
            f"{pointer}/applies_to/kind", f"must be {scope} for this rule", "wrong_measures"
        )
    for need in recipe.needs:
        if need not in rule.requires:
            yield FieldError(f"{pointer}/requires", f"must name {need}", "missing_requirement")
    if rule.resolves_when != ENDS[rule.kind]:
        yield FieldError(
            f"{pointer}/resolves_when",
            f"must be {ENDS[rule.kind]} for a {rule.kind}",
            "wrong_ending",
        )


def check_numbers(pointer: str, rule: Rule, recipe: Recipe) -> Iterator[FieldError]:
    """Thresholds: those that the code reads, all of them, each one possible."""
    known = {*recipe.thresholds, *recipe.by_measure, *recipe.optional}
    for name in recipe.thresholds:
        if name not in rule.thresholds:
            yield FieldError(f"{pointer}/thresholds", f"must give {name}", "missing_threshold")
    yield from check_thresholds(f"{pointer}/thresholds", rule.thresholds, {*recipe.thresholds})
    for measure, own in rule.by_measure.items():
        yield from check_thresholds(f"{pointer}/by_measure/{measure}", own, known)
    measures = rule.applies_to.measures or list(rule.by_measure)
    for name in recipe.by_measure:
        if not measures:
            yield FieldError(
                f"{pointer}/by_measure", f"must give {name} for some measure", "missing_threshold"
            )
        for measure in measures:
            if name not in rule.by_measure.get(measure, {}):
                yield FieldError(
                    f"{pointer}/by_measure", f"must give {name} for {measure}", "missing_threshold"
                )
    high, medium = (rule.thresholds.get(f"{one}_percentile") for one in ("high", "medium"))
    if high is not None and medium is not None and high >= medium:
        yield FieldError(
            f"{pointer}/thresholds/high_percentile",
            "must be below medium_percentile",
            "contradiction",
        )


def check_thresholds(
    pointer: str, thresholds: dict[str, Decimal], known: set[str]
) -> Iterator[FieldError]:
    """Each threshold by itself."""
    for name, value in thresholds.items():
        least, most = BOUNDS.get(name, (None, None))
        place = f"{pointer}/{name}"
        if name not in known:
            yield FieldError(place, "this rule has no such threshold", "unknown_threshold")
        elif not value.is_finite() or value < 0:
            yield FieldError(place, "must be a number of 0 or more", "bad_threshold")
        elif name in COUNTS and value != int(value):
            yield FieldError(place, "must be a whole number", "bad_threshold")
        elif least is not None and most is not None and not least <= value <= most:
            yield FieldError(place, f"must be from {least} to {most}", "out_of_range")
        elif name in ("cut", "step", "fall") and value == 0:
            yield FieldError(place, "must be above 0", "bad_threshold")


def check_places(pointer: str, rule: Rule, recipe: Recipe) -> Iterator[FieldError]:
    """Ordinals: from which rating on, at which ratings, after how many."""
    if recipe.least is None and rule.least_ratings != 1:
        yield FieldError(
            f"{pointer}/least_ratings", "this rule has its own ratings", "unknown_threshold"
        )
    if recipe.least is not None and rule.least_ratings < recipe.least:
        yield FieldError(
            f"{pointer}/least_ratings",
            f"must be {recipe.least} or more for this rule",
            "out_of_range",
        )
    if rule.ends_after < 1:
        yield FieldError(f"{pointer}/ends_after", "must be 1 or more", "out_of_range")
    if rule.ends_after > 1 and rule.kind != "state":
        yield FieldError(f"{pointer}/ends_after", "only a state has it", "contradiction")
    if recipe.places and not rule.at:
        yield FieldError(f"{pointer}/at", "must name the ratings", "missing_threshold")
    if rule.at and not recipe.places:
        yield FieldError(f"{pointer}/at", "this rule has no places", "unknown_threshold")
    if rule.at != sorted({one for one in rule.at if one >= EARLIEST}):
        yield FieldError(
            f"{pointer}/at", f"must rise, from {EARLIEST} on, each once", "contradiction"
        )
