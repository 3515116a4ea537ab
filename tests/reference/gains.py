"""Sudden gains and losses (Tang and DeRubeis 1999), by their three criteria."""

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from tests.reference.exact import exact_scores

WINDOW = 3
COLUMNS = ["client", "from", "to", "size", "reversed"]

Scores = NDArray[np.float64]


def gains(values: pd.DataFrame, cut: int, direction: Literal[1, -1]) -> pd.DataFrame:
    """The sudden gains of a wide table: a row a client, a column a time, NaN for missing.

    `cut` is in millionths. A row each: `client` and the columns `from` and `to` of the step, its
    `size` in units of the scale, and whether it was later `reversed`.
    """
    rows = [
        (client, values.columns[n], values.columns[n + 1], size, is_reversed(scores, n, direction))
        for client, scores in zip(values.index, values.to_numpy(dtype=float), strict=True)
        for n, size in steps(scores, cut, direction)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def losses(values: pd.DataFrame, cut: int, direction: Literal[1, -1]) -> pd.DataFrame:
    """The mirror image: the sudden gains of the same table were worse better."""
    return gains(values, cut, 1 if direction == -1 else -1)


def steps(scores: Scores, cut: int, direction: int) -> list[tuple[int, float]]:
    """The sudden gains of one series: index of N and size of the step, both ends present."""
    return [
        (n, abs(float(scores[n + 1] - scores[n])))
        for n in range(1, len(scores) - 1)
        if not np.isnan(scores[n : n + 2]).any() and _is_gain(scores, n, cut, direction)
    ]


def is_reversed(scores: Scores, n: int, direction: int) -> bool:
    """Whether a score after N+1 is worse than x_{N+1} by more than half the step."""
    return bool((beyond_half(scores, n, direction)[n + 2 :]).any())


def beyond_half(scores: Scores, n: int, direction: int) -> NDArray[np.bool_]:
    """Which scores are worse than x_{N+1} by more than half the step from N to N+1."""
    present = ~np.isnan(scores)
    exactly = exact_scores(np.where(present, scores, scores[n + 1]))
    step = abs(exactly[n + 1] - exactly[n])
    beyond: NDArray[np.bool_] = 2 * direction * (exactly[n + 1] - exactly) > step
    return present & beyond


def _is_gain(scores: Scores, n: int, cut: int, direction: int) -> bool:
    before, after = exact_scores(scores[n : n + 2])
    step = direction * (after - before)
    large = step >= cut
    a_quarter = step > 0 and 4 * step >= abs(before)
    return bool(large and a_quarter and _stands_out(scores, n))


def _stands_out(scores: Scores, n: int) -> bool:
    """Criterion 3; not met where either side has fewer than two values."""
    before = scores[max(0, n + 1 - WINDOW) : n + 1]
    after = scores[n + 1 : n + 1 + WINDOW]
    before, after = before[~np.isnan(before)], after[~np.isnan(after)]
    if min(len(before), len(after)) < 2:
        return False
    free = len(before) + len(after) - 2
    squares = ((before - before.mean()) ** 2).sum() + ((after - after.mean()) ** 2).sum()
    pooled = np.sqrt(squares / free)
    return bool(abs(before.mean() - after.mean()) > stats.t.ppf(0.975, free) * pooled)
