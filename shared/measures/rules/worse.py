"""Rules on a score that got worse: since the first rating, since the one before, since the best."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from shared.measures.gains import WINDOW, Gain, sudden_gains
from shared.measures.rules.about import (
    NO,
    NOT_EVALUATED,
    OVER,
    About,
    Evaluate,
    Finding,
    Quiet,
    Rated,
    Recipe,
    Series,
    last_spared,
)
from shared.measures.scoring import points
from shared.measures.thresholds import nearest_reaching

GAIN_SPAN = 2 * WINDOW
"""How many ratings a sudden gain is judged by: three on each side of the step."""

FEWEST = 4
"""Fewer ratings cannot show one: it takes two on each side of the step."""


class Cut(NamedTuple):
    """The least step of a sudden gain: exactly, and the fewest tenths that reach it."""

    points: Decimal
    tenths: int


def reliable_deterioration(about: About) -> Evaluate:
    """State: D <= -RC, worse than the first rating by the reliable change."""
    least, sign, reliable = about.rule.least_ratings, about.sign, about.reliable.tenths

    def evaluate(series: Series, rated: Rated) -> Finding | Quiet:
        if series.ordinal < least:
            return NOT_EVALUATED
        if sign * (series.baseline - rated.total) < reliable:
            return NO
        return Finding(
            {"baseline": series.baseline, "latest": rated.total},
            {"reliable_change": about.reliable.text},
            worse_than(about, "the first rating", series.baseline, rated.total),
            about.spared(series.baseline - sign * reliable),
        )

    return evaluate


def session_drop(about: About) -> Evaluate:
    """Point: worse than the rating before by RC or more.

    It is over once the score is back within the reliable change of where it was before the
    first fall that is still open. A rating that falls cannot be back at the same time: being
    within the threshold and falling by it from below exclude each other.
    """
    least, sign, reliable = about.rule.least_ratings, about.sign, about.reliable.tenths

    def evaluate(series: Series, rated: Rated) -> Finding | Quiet:
        if series.ordinal < least:
            return NOT_EVALUATED
        before = series.drop_from
        if sign * (series.previous - rated.total) < reliable:
            if before is None or sign * (before - rated.total) >= reliable:
                return NO
            series.drop_from = None
            return OVER
        inputs = {"previous": series.previous, "latest": rated.total}
        if before is None:
            series.drop_from = series.previous
        else:
            inputs["before_fall"] = before
        return Finding(
            inputs,
            {"reliable_change": about.reliable.text},
            worse_than(about, "the rating before", series.previous, rated.total),
            about.spared(series.previous - sign * reliable),
        )

    return evaluate


def lost_gain(about: About) -> Evaluate:
    """Point: worse than the best score by RC or more, or than the middle of a sudden gain.

    It is over once neither is so any more.
    """
    least, sign, reliable = about.rule.least_ratings, about.sign, about.reliable.tenths
    cut = gain_cut(about)

    def evaluate(series: Series, rated: Rated) -> Finding | Quiet:
        latest = rated.total
        if series.ordinal == 1:
            series.best = latest
            return NOT_EVALUATED
        best = series.best
        series.best = latest if sign * (latest - best) > 0 else best
        series.gain, gain = keep_gains(series, cut, sign)
        if series.ordinal < least:
            return NOT_EVALUATED
        fell = sign * (best - latest) >= reliable
        is_reversed = gain is not None and sign * (sum(gain) - 2 * latest) > 0
        was_lost, series.is_lost = series.is_lost, fell or is_reversed
        if not series.is_lost:
            return OVER if was_lost else NO
        return lost(about, best, latest, gain if is_reversed else None)

    return evaluate


def lost(about: About, best: int, latest: int, gain: tuple[int, int] | None) -> Finding:
    """Why a gain counts as lost; `gain` is a sudden one of which more than half is gone."""
    sign, reliable = about.sign, about.reliable.tenths
    inputs, thresholds, texts = {"latest": latest}, {}, []
    spared: list[tuple[float, bool]] = []
    if sign * (best - latest) >= reliable:
        inputs["best"] = best
        thresholds["reliable_change"] = about.reliable.text
        texts.append(worse_than(about, "the best rating", best, latest))
        spared.append((best - sign * reliable, True))
    if gain is not None:
        start, end = gain
        half = Decimal(start + end) / 2
        inputs |= {"gain_from": start, "gain_to": end}
        thresholds["half_of_gain"] = str((half / 10).normalize())
        texts.append(
            f"{about.definition.title}: {points(latest)}; more than half of the sudden gain from "
            f"{points(start)} to {points(end)} is gone."
        )
        spared.append((float(half), False))
    # Both must be spared: the bound with the better last score counts.
    bound, reached = max(
        spared,
        key=lambda one: sign * last_spared(about.definition, one[0], reached=one[1]),
    )
    return Finding(inputs, thresholds, " ".join(texts), about.spared(bound, reached=reached))


def keep_gains(
    series: Series, cut: Cut, sign: int
) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """The best sudden gain that stays one whatever comes, and the best as things stand."""
    lasting = series.gain
    standing = lasting
    for gain in new_gains(series.recent, cut, sign):
        steps = series.recent[gain.start], series.recent[gain.end]
        if standing is None or sign * (sum(steps) - sum(standing)) > 0:
            standing = steps
        is_final = gain.end == len(series.recent) - WINDOW
        if is_final and (lasting is None or sign * (sum(steps) - sum(lasting)) > 0):
            lasting = steps
    return lasting, standing


def new_gains(recent: tuple[int, ...], cut: Cut, sign: int) -> Sequence[Gain]:
    """The sudden gains of which the newest rating is the second or third after the step.

    No other step is judged differently with the newest rating than without it.
    """
    # Few steps are large: the whole test is left to those.
    length, least = len(recent), cut.tenths
    if length < FEWEST:
        return ()
    if sign * (recent[-2] - recent[-3]) < least and sign * (recent[-3] - recent[-4]) < least:
        return ()
    shift = max(0, length - GAIN_SPAN)
    return [
        gain._replace(start=gain.start + shift, end=gain.end + shift)
        for gain in sudden_gains(recent[shift:], cut=cut.points, sign=sign)
        if gain.end + shift >= length - WINDOW
    ]


def gain_cut(about: About) -> Cut:
    """The step from which a gain may be a sudden one: the measure's own, else its reliable
    change."""
    own = about.own("cut")
    value = about.reliable.value if own is None else own
    return Cut(value, nearest_reaching(value * 10, ">="))


def worse_than(about: About, since: str, before: int, latest: int) -> str:
    """In words: how much worse, and that it is more than measurement error."""
    worse = points(about.sign * (before - latest))
    return (
        f"{about.definition.title}: {points(latest)}, worse by {worse} than {since} "
        f"({points(before)}); a change of {about.reliable.text} is beyond measurement error."
    )


RECIPES = {
    "reliable_deterioration": Recipe(
        "state", reliable_deterioration, needs=("reliable_change",), least=2
    ),
    "session_drop": Recipe("point", session_drop, needs=("reliable_change",), least=2),
    "lost_gain": Recipe("point", lost_gain, needs=("reliable_change",), optional=("cut",), least=2),
}
