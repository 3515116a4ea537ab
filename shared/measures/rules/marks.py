"""Rules that only put a mark on the chart."""

from functools import lru_cache

from shared.measures.expected import targets
from shared.measures.gains import WINDOW, sudden_gains
from shared.measures.rules.about import (
    NO,
    NOT_EVALUATED,
    About,
    Evaluate,
    Finding,
    Quiet,
    Rated,
    Recipe,
    Series,
)
from shared.measures.rules.progress import decimals
from shared.measures.rules.worse import gain_cut, new_gains
from shared.measures.sawtooth import turn
from shared.measures.scoring import points
from shared.measures.thresholds import nearest_reaching

REMEMBERED = 1_024
"""How many plateaus are kept: one a baseline."""


def volatile(about: About) -> Evaluate:
    """Mark: a sawtooth, so many large steps (turns) each against the large one before it."""
    least, turns = about.rule.least_ratings, about.whole("turns")
    threshold = about.threshold("step")
    step = nearest_reaching(threshold * 10, ">=")

    def evaluate(series: Series, rated: Rated) -> Finding | Quiet:
        if series.ordinal == 1:
            return NOT_EVALUATED
        if turned := turn(rated.total - series.previous, series.direction, step):
            series.turns += 1
            series.direction = turned
        if series.ordinal < least:
            return NOT_EVALUATED
        if series.turns < turns:
            return NO
        return Finding(
            {"previous": series.previous, "latest": rated.total, "turns": series.turns * 10},
            {"step": str(threshold), "turns": str(turns)},
            f"{about.definition.title}: {series.turns} steps of {threshold} or more, each against "
            "the one before; a course is hard to read from this.",
            f"Fewer than {turns} such steps would not have fired.",
        )

    return evaluate


def intake_above_cutoff(about: About) -> Evaluate:
    """Mark: the first rating is on the functional side; there is no target to reach."""
    cutoff = about.clinical

    def evaluate(series: Series, rated: Rated) -> Finding | Quiet:
        if series.ordinal > 1:
            return NOT_EVALUATED
        if cutoff.is_clinical(rated.total):
            return NO
        return Finding(
            {"baseline": rated.total},
            {"cutoff": str(cutoff.value)},
            f"{about.definition.title}: {points(rated.total)} at the start is not on the clinical "
            f"side of {cutoff.value}; there is no target.",
            "A first score on the clinical side would not have fired.",
        )

    return evaluate


def intake_over(about: About) -> Evaluate:
    """Mark: the first rating is better than nearly everybody's who comes for help."""
    sign, limit = about.sign, about.threshold("intake")
    beyond = nearest_reaching(limit * 10, ">" if sign > 0 else "<")

    def evaluate(series: Series, rated: Rated) -> Finding | Quiet:
        if series.ordinal > 1:
            return NOT_EVALUATED
        if sign * (rated.total - beyond) < 0:
            return NO
        side = "lower" if sign > 0 else "higher"
        return Finding(
            {"baseline": rated.total},
            {"intake": str(limit)},
            f"{about.definition.title}: {points(rated.total)} at the start; beyond {limit} it is "
            "worth asking whether the form was understood, and who wanted the help.",
            f"A first score of {limit} or {side} would not have fired.",
        )

    return evaluate


def target_reached(about: About) -> Evaluate:
    """Mark: at or beyond the target, or on the functional side with D >= RC, so many times
    running. The target is the expected value at the plateau of a fitted curve."""
    sign, running, cutoff = about.sign, about.whole("running"), about.cutoff
    least, reliable, curve = about.rule.least_ratings, about.reliable, about.curve

    @lru_cache(REMEMBERED)
    def plateau(baseline: int) -> float | None:
        target = targets(curve, baseline, sign=sign) if curve is not None else None
        return target.plateau if target is not None else None

    def evaluate(series: Series, rated: Rated) -> Finding | Quiet:
        baseline, latest = series.baseline, rated.total
        if series.ordinal == 1:
            return NOT_EVALUATED
        is_well = cutoff is not None and not cutoff.is_clinical(latest)
        is_there = is_well and sign * (latest - baseline) >= reliable.tenths
        target = plateau(baseline)
        if target is not None and sign * (latest - target) >= 0:
            is_there = True
        series.at_target = series.at_target + 1 if is_there else 0
        if series.ordinal < least:
            return NOT_EVALUATED
        if series.at_target < running:
            return NO
        thresholds = {"reliable_change": reliable.text}
        if cutoff is not None:
            thresholds["cutoff"] = str(cutoff.value)
        if target is not None:
            thresholds["target"] = decimals(target)
        return Finding(
            {"baseline": baseline, "latest": latest},
            thresholds,
            f"{about.definition.title}: {points(latest)}, from {points(baseline)} at the start; "
            f"where it should get to, {running} times running.",
            "A score that is neither at the target nor reliably better on the functional side "
            "would not have fired.",
        )

    return evaluate


def sudden_gain(about: About) -> Evaluate:
    """Mark: with this rating an earlier step is known to be a sudden gain (Tang and DeRubeis)."""
    least, sign, cut = about.rule.least_ratings, about.sign, gain_cut(about)

    def evaluate(series: Series, rated: Rated) -> Finding | Quiet:
        if series.ordinal < least:
            return NOT_EVALUATED
        recent = series.recent
        known = [gain.end for gain in new_gains(recent, cut, sign)]
        if not known:
            return NO
        # The step before the last but one could be judged with the rating before, too.
        earlier = len(recent) - WINDOW
        before = {gain.end for gain in sudden_gains(recent[:-1], cut=cut.points, sign=sign)}
        fresh = [end for end in known if end != earlier or end not in before]
        if not fresh:
            return NO
        start, end = recent[fresh[-1] - 1], recent[fresh[-1]]
        return Finding(
            {"gain_from": start, "gain_to": end, "latest": rated.total},
            {"cut": str(cut.points)},
            f"{about.definition.title}: a sudden gain, from {points(start)} to {points(end)}. It "
            "is worth asking what happened.",
            f"A step of less than {cut.points} would not have fired.",
        )

    return evaluate


RECIPES = {
    "volatile": Recipe("mark", volatile, thresholds=("turns",), by_measure=("step",), least=2),
    "intake_above_cutoff": Recipe("mark", intake_above_cutoff, needs=("cutoff",)),
    "intake_over_32": Recipe("mark", intake_over, by_measure=("intake",)),
    "target_reached": Recipe(
        "mark", target_reached, needs=("reliable_change",), thresholds=("running",), least=2
    ),
    "sudden_gain": Recipe(
        "mark", sudden_gain, needs=("reliable_change",), optional=("cut",), least=4
    ),
}
