"""Effect sizes of a group's change, of one client's, and what small groups may show.

All scores are in points; `sign` is +1 where a higher score is better, else -1, so that a positive
effect is an improvement.
"""

from collections.abc import Sequence
from decimal import Decimal
from math import sqrt
from statistics import NormalDist

import msgspec
import numpy as np

SMALLEST_GROUP = 10
"""A group of fewer clients shows no effect size."""

LEVEL = 0.95

Values = np.ndarray[tuple[int], np.dtype[np.float64]]


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """Pairs of scores in numbers. Standard deviations divide by n - 1; 0 for a single pair.

    `correlation` is None where one of the two does not vary.
    """

    n: int
    mean_pre: float
    sd_pre: float
    mean_post: float
    sd_post: float
    sd_change: float
    correlation: float | None


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A confidence interval."""

    level: float
    low: float
    high: float


class EffectSizes(msgspec.Struct, frozen=True, kw_only=True):
    """Effect sizes of a group by name; None where a standard deviation is 0.

    - `d_pre`: mean improvement / SD at pre (Becker 1988);
    - `hedges_g`: d_pre x J, J = 1 - 3 / (4 x (n - 1) - 1) (Hedges 1981), with `interval`: g plus
      or minus z standard errors, variance 2(1 - r)/n + g^2/(2n) (Becker 1988, as in metafor's
      SMCR; r is taken as 0, the cautious side, where post does not vary);
    - `d_av`: mean improvement / mean of the two SDs (Lakens 2013);
    - `d_z`: mean improvement / SD of the changes.

    A group below the smallest has none of them, and `suppressed` says why.
    """

    n: int
    d_pre: float | None = None
    hedges_g: float | None = None
    interval: Interval | None = None
    d_av: float | None = None
    d_z: float | None = None
    suppressed: str | None = None


def sample(pre: Sequence[Decimal], post: Sequence[Decimal]) -> Sample:
    """The numbers of at least one pair of scores (points), in the same order."""
    # Subtracted while they are exact, so that equal changes are equal.
    changes = np.array([float(after - before) for before, after in zip(pre, post, strict=True)])
    first, last = np.array(pre, dtype=float), np.array(post, dtype=float)
    n = len(first)
    sd_pre, sd_post, sd_change = (deviation(values) for values in (first, last, changes))
    varies = sd_pre > 0 and sd_post > 0
    return Sample(
        n=n,
        mean_pre=float(first.mean()),
        sd_pre=sd_pre,
        mean_post=float(last.mean()),
        sd_post=sd_post,
        sd_change=sd_change,
        correlation=float(np.corrcoef(first, last)[0, 1]) if varies else None,
    )


def deviation(values: Values) -> float:
    """The standard deviation; exactly 0 where all are the same, which summing would blur."""
    return float(values.std(ddof=1)) if np.ptp(values) > 0 else 0.0


def effect_sizes(group: Sample, *, sign: int) -> EffectSizes:
    """The effect sizes of a group, or why it has none."""
    if group.n < SMALLEST_GROUP:
        return EffectSizes(n=group.n, suppressed=f"fewer than {SMALLEST_GROUP} clients")
    better = sign * (group.mean_post - group.mean_pre)
    d_pre = over(better, group.sd_pre)
    g = None if d_pre is None else d_pre * hedges_correction(group.n - 1)
    return EffectSizes(
        n=group.n,
        d_pre=d_pre,
        hedges_g=g,
        interval=None if g is None else interval(g, group.n, group.correlation or 0.0),
        d_av=over(better, (group.sd_pre + group.sd_post) / 2),
        d_z=over(better, group.sd_change),
    )


def hedges_correction(freedom: int) -> float:
    """J = 1 - 3 / (4 df - 1), which takes the bias of small samples out of d."""
    return 1 - 3 / (4 * freedom - 1)


def interval(g: float, n: int, correlation: float) -> Interval:
    """The confidence interval of a standardised mean change (Becker 1988)."""
    half = NormalDist().inv_cdf((1 + LEVEL) / 2) * sqrt(variance(g, n, correlation))
    return Interval(level=LEVEL, low=g - half, high=g + half)


def variance(g: float, n: int, correlation: float) -> float:
    """The sampling variance of a standardised mean change (Becker 1988)."""
    return 2 * (1 - correlation) / n + g**2 / (2 * n)


def over(better: float, sd: float) -> float | None:
    """An improvement in standard deviations; None where nothing varies."""
    return better / sd if sd > 0 else None


def standardised_change(before: float, after: float, sd: float, *, sign: int) -> float:
    """One client's improvement in standard deviations of the norm set."""
    return sign * (after - before) / sd
