"""Sudden gains and losses: large, lasting changes from one rating to the next.

Tang and DeRubeis (1999), with the critical value of the third criterion adjusted for missing
ratings (Lutz et al. 2013), as in the R package suddengains. Where that package makes the second
criterion void for losses, here losses are the mirror image of gains.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

WINDOW = 3
"""How many ratings on each side of the step are compared."""

SHARE = 4
"""The step is at least one part in so many of the score before it (25 %)."""

CRITICAL_T = {2: 4.302652729749462, 3: 3.182446305283708, 4: 2.776445105197793}
"""The two-sided 5 % point of Student's t by degrees of freedom; no window gives others."""


class Gain(NamedTuple):
    """A step from the place `start` of a sequence to `end`; `size` is positive, in its unit."""

    start: int
    end: int
    size: int
    reversed: bool


def sudden_gains(
    values: Sequence[int | None], *, cut: Decimal, sign: int, unit: int = 10
) -> list[Gain]:
    """The sudden gains in `values`, a place for each occasion, None where nothing was rated.

    `values` count in 1/`unit` points (tenths, unless said otherwise), `cut` is in points, `sign`
    is +1 where a higher score is better, else -1. Losses: the same call with `-sign`. A step
    that cannot be judged, for want of two values on each side, is no gain.
    """
    cut_in_units = cut * unit
    found = []
    for end in range(2, len(values) - 1):
        before, after = values[end - 1], values[end]
        if before is None or after is None:
            continue
        size = sign * (after - before)
        if size < cut_in_units or size <= 0 or SHARE * size < abs(before):
            continue
        if is_stable(values[max(0, end - WINDOW) : end], values[end : end + WINDOW]):
            later = values[end + 1 :]
            found.append(Gain(end - 1, end, size, is_reversed(later, after, size, sign)))
    return found


def is_stable(before: Sequence[int | None], after: Sequence[int | None]) -> bool:
    """Whether the means differ by more than t pooled standard deviations (third criterion).

    Both sides of the inequality are squared and multiplied out, so that whole numbers stay whole.
    """
    pre = [value for value in before if value is not None]
    post = [value for value in after if value is not None]
    n_pre, n_post = len(pre), len(post)
    if n_pre < 2 or n_post < 2:
        return False
    sum_pre, sum_post = sum(pre), sum(post)
    # n times the sum of squared deviations from the mean
    spread_pre = n_pre * sum(value * value for value in pre) - sum_pre * sum_pre
    spread_post = n_post * sum(value * value for value in post) - sum_post * sum_post
    freedom = n_pre + n_post - 2
    distance = (n_post * sum_pre - n_pre * sum_post) ** 2
    spread = n_pre * n_post * (n_post * spread_pre + n_pre * spread_post)
    return distance * freedom > CRITICAL_T[freedom] ** 2 * spread


def is_reversed(later: Sequence[int | None], after: int, size: int, sign: int) -> bool:
    """Whether a later score lost more than half of the step."""
    return any(value is not None and 2 * sign * (after - value) > size for value in later)
