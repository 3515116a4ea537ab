"""Rules on a course that does not get better as it should: early, late, or against the expected."""

from functools import lru_cache, partial

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
)
from shared.measures.scoring import points
from shared.measures.thresholds import nearest_reaching

REMEMBERED = 4_096
"""How many values of a curve are kept, and how much else that follows from few scores: a course
asks for the same again and again."""


def off_track(about: About) -> Evaluate:
    """State: worse than a low percentile of the expected response, so many ratings running.

    The severity is high where all of them are beyond the high percentile, else medium.
    """
    least, sign, running = about.rule.least_ratings, about.sign, about.whole("running")
    curve = about.fitted
    # Percentiles are of scores as they are: where lower is better, the worst lie above the 90th.
    far, near = (
        p if sign > 0 else 100 - p
        for p in (about.whole("high_percentile"), about.whole("medium_percentile"))
    )
    percentile = lru_cache(REMEMBERED)(curve.percentile)
    expected = lru_cache(REMEMBERED)(curve.expected)
    spared = lru_cache(REMEMBERED)(partial(about.spared, reached=False))

    def evaluate(series: Series, rated: Rated) -> Finding | Quiet:
        ordinal, baseline, latest = series.ordinal, series.baseline, rated.total
        if ordinal == 1:
            return NOT_EVALUATED
        is_off = sign * (percentile(ordinal, baseline, near) - latest) > 0
        is_far = is_off and sign * (percentile(ordinal, baseline, far) - latest) > 0
        series.off = series.off + 1 if is_off else 0
        series.far_off = series.far_off + 1 if is_far else 0
        if ordinal < least:
            return NOT_EVALUATED
        if series.off < running:
            return NO
        p = far if series.far_off >= running else near
        limit = percentile(ordinal, baseline, p)
        return Finding(
            {"baseline": baseline, "latest": latest},
            {
                f"percentile_{p}": decimals(limit),
                "expected": decimals(expected(ordinal, baseline)),
            },
            f"{about.definition.title}: {points(latest)} is worse than {decimals(limit)}, the "
            f"{p}th percentile of what is expected of rating {ordinal} from {points(baseline)} "
            f"on, as the last {running} ratings were. A prediction is not a verdict.",
            spared(percentile(ordinal, baseline, near)),
            "high" if p == far else "medium",
        )

    return evaluate


def no_early_change(about: About) -> Evaluate:
    """Checkpoint: D < RC, a baseline on the clinical side, and room on the scale for RC.

    It is over with the first rating that is reliably better.
    """
    sign, reliable, places = about.sign, about.reliable.tenths, frozenset(about.rule.at)
    improvable = lru_cache(REMEMBERED)(partial(can_improve, about))

    def evaluate(series: Series, rated: Rated) -> Finding | Quiet:
        is_place = series.ordinal in places
        if not is_place and not series.is_early_open:
            return NOT_EVALUATED
        if sign * (rated.total - series.baseline) >= reliable:
            was_open, series.is_early_open = series.is_early_open, False
            return OVER if was_open else NO
        if not is_place:
            return NOT_EVALUATED
        if not improvable(series.baseline):
            return NO
        series.is_early_open = True
        return not_better(about, series, rated.total)

    return evaluate


def stalled(about: About) -> Evaluate:
    """Checkpoint: as no_early_change, and no score of the latest ratings (window) is better by
    more than RC than one before it among them.

    It is over with the first rating that is reliably better.
    """
    least, sign, reliable = about.rule.least_ratings, about.sign, about.reliable.tenths
    window = about.whole("window")
    improvable = lru_cache(REMEMBERED)(partial(can_improve, about))
    more = nearest_reaching(about.reliable.value * 10, ">")

    def evaluate(series: Series, rated: Rated) -> Finding | Quiet:
        if series.ordinal < least:
            return NOT_EVALUATED
        if sign * (rated.total - series.baseline) >= reliable:
            was_open, series.is_stalled_open = series.is_stalled_open, False
            return OVER if was_open else NO
        if not improvable(series.baseline):
            return NO
        if largest_gain(series.recent[-window:], sign) >= more:
            return NO
        series.is_stalled_open = True
        return not_better(about, series, rated.total)

    return evaluate


def can_improve(about: About, baseline: int) -> bool:
    """Whether a baseline is on the clinical side, and the scale leaves room for the change."""
    grid = about.definition.total.grid
    room = grid[-1] - baseline if about.sign > 0 else baseline - grid[0]
    return room >= about.reliable.tenths and about.clinical.is_clinical(baseline)


def largest_gain(scores: tuple[int, ...], sign: int) -> int:
    """The most that any score is better than one before it."""
    worst, largest = scores[0], 0
    for score in scores:
        gain = sign * (score - worst)
        if gain < 0:
            worst = score
        elif gain > largest:
            largest = gain
    return largest


def not_better(about: About, series: Series, latest: int) -> Finding:
    """No reliable improvement at this rating."""
    sign, reliable = about.sign, about.reliable
    enough = series.baseline + sign * reliable.tenths
    return Finding(
        {"baseline": series.baseline, "latest": latest, "ordinal": series.ordinal * 10},
        {"reliable_change": reliable.text, "cutoff": str(about.clinical.value)},
        f"{about.definition.title}: {points(latest)} at rating {series.ordinal}, from "
        f"{points(series.baseline)} at the first; not better by {reliable.text}, the change that "
        "is beyond measurement error.",
        about.spared(enough, reached=False),
    )


def decimals(tenths: float) -> str:
    """Tenths of a computed score as points with two decimals."""
    return f"{tenths / 10:.2f}"


RECIPES = {
    "off_track": Recipe(
        "state",
        off_track,
        needs=("fitted_curve",),
        thresholds=("high_percentile", "medium_percentile", "running"),
        least=2,
    ),
    "no_early_change": Recipe(
        "checkpoint", no_early_change, needs=("reliable_change", "cutoff"), places=True
    ),
    "stalled": Recipe(
        "checkpoint",
        stalled,
        needs=("reliable_change", "cutoff"),
        thresholds=("window",),
        least=2,
    ),
}
