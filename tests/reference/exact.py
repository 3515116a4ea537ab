"""Numbers as whole millionths, so that 8.46 is 8.46 and no comparison depends on rounding."""

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

ONE = 1_000_000
TENTH = ONE // 10


def exact(number: str | int | Decimal) -> int:
    """`number` in millionths; a ValueError where it has more than six decimals."""
    scaled = Decimal(number) * ONE
    if scaled != int(scaled):
        raise ValueError(f"{number} has more than six decimals")
    return int(scaled)


def exact_scores(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Scores, which are whole tenths, in millionths; a ValueError where one is off the step."""
    tenths = np.rint(values * 10)
    off = np.abs(values * 10 - tenths) > 1e-6
    if off.any():
        raise ValueError(f"not a whole tenth: {values[off][0]}")
    return tenths.astype(np.int64) * TENTH
