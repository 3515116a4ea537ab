"""The rules on ratings: pure functions of a series so far. Scores are integer tenths."""

from collections.abc import Callable
from typing import NamedTuple

from shared.contracts.outcomes import Verdict
from shared.measures.change import gain
from shared.measures.definition import Definition, ReliableChange
from shared.measures.rule_set import Rule
from shared.measures.scoring import points


class Seen(NamedTuple):
    """The rating that is looked at, within its series (tenths)."""

    ordinal: int
    baseline: int
    previous: int
    latest: int


class Words(NamedTuple):
    """What a verdict that holds says to people."""

    text: str
    counterfactual: str


SILENT = Words("", "")

Evaluate = Callable[[Definition, Rule, Seen, int | None], tuple[Verdict, int | None]]
"""Gives the verdict, and the score before the open fall (None if none) as it is from now on."""


def reliable_deterioration(
    definition: Definition, rule: Rule, seen: Seen, drop_from: int | None
) -> tuple[Verdict, int | None]:
    """State: worse than the first rating by the reliable change."""
    threshold = needed(definition)
    holds = gain(definition, seen.latest, seen.baseline) >= threshold.tenths
    words = (
        sentences(definition, "the first rating", seen.baseline, seen.latest) if holds else SILENT
    )
    verdict = Verdict(
        rule=rule.id,
        rule_version=rule.version,
        kind=rule.kind,
        severity=rule.severity,
        holds=holds,
        inputs={"baseline": seen.baseline, "latest": seen.latest},
        thresholds={"reliable_change": threshold.text},
        text=words.text,
        counterfactual=words.counterfactual,
    )
    return verdict, drop_from


def session_drop(
    definition: Definition, rule: Rule, seen: Seen, drop_from: int | None
) -> tuple[Verdict, int | None]:
    """Point: worse than the rating before by the reliable change.

    It is over once the score is back within the reliable change of where it was before the
    first fall that is still open.
    """
    threshold = needed(definition)
    holds = gain(definition, seen.latest, seen.previous) >= threshold.tenths
    inputs = {"previous": seen.previous, "latest": seen.latest}
    cleared = False
    if drop_from is not None:
        inputs["before_fall"] = drop_from
        cleared = gain(definition, seen.latest, drop_from) < threshold.tenths
    words = (
        sentences(definition, "the rating before", seen.previous, seen.latest) if holds else SILENT
    )
    verdict = Verdict(
        rule=rule.id,
        rule_version=rule.version,
        kind=rule.kind,
        severity=rule.severity,
        holds=holds,
        cleared=cleared,
        inputs=inputs,
        thresholds={"reliable_change": threshold.text},
        text=words.text,
        counterfactual=words.counterfactual,
    )
    # A fall from a score that cleared the last one cannot come with the same rating: being back
    # within the threshold and falling by it from below exclude each other.
    still_open = None if cleared else drop_from
    opened = seen.previous if holds and still_open is None else still_open
    return verdict, opened


EVALUATE: dict[str, Evaluate] = {
    "reliable_deterioration": reliable_deterioration,
    "session_drop": session_drop,
}


def sentences(definition: Definition, since: str, before: int, latest: int) -> Words:
    """Why it fired, and what would not have."""
    threshold = needed(definition)
    worse = points(gain(definition, latest, before))
    spared = last_spared(definition, before, threshold)
    side = "or more" if definition.better == "higher" else "or less"
    return Words(
        f"{definition.title}: {points(latest)}, worse by {worse} than {since} "
        f"({points(before)}); a change of {threshold.text} is beyond measurement error.",
        f"A score of {points(spared)} {side} would not have fired.",
    )


def last_spared(definition: Definition, before: int, threshold: ReliableChange) -> int:
    """The worst score that the scale allows and that would not have reached the threshold."""
    grid = definition.total.grid
    reached = before - definition.sign * threshold.tenths
    steps = (reached - grid.start) * definition.sign // grid.step + 1
    return grid.start + definition.sign * steps * grid.step


def needed(definition: Definition) -> ReliableChange:
    """The reliable change, which a rule is only evaluated with."""
    if definition.reliable_change is None:
        raise ValueError(f"{definition.key} has no reliable change")
    return definition.reliable_change
