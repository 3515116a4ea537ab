"""The expected response of the log-session model and its percentiles."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats


@dataclass(frozen=True)
class Curve:
    """y_k = β0 + β1·ln k + β2(x1 - x̄) + β3(x1 - x̄)·ln k + u0 + u1·ln k + e, for k ≥ 2.

    All in units of the scale. `g00`, `g01`, `g11` are the covariances of the random intercept and
    slope, `sigma` is the residual standard deviation. A `seed` curve never alerts.
    """

    b0: float
    b1: float
    b2: float
    b3: float
    mean_baseline: float
    g00: float
    g01: float
    g11: float
    sigma: float
    seed: bool = False

    def expected(self, k: ArrayLike, baseline: ArrayLike) -> NDArray[np.float64]:
        """The expected score at ordinal `k` for a `baseline`; NaN at k = 1."""
        log_k = np.log(np.asarray(k, dtype=float))
        above = np.asarray(baseline, dtype=float) - self.mean_baseline
        score = self.b0 + self.b1 * log_k + self.b2 * above + self.b3 * above * log_k
        return np.where(log_k > 0, score, np.nan)

    def sd(self, k: ArrayLike) -> NDArray[np.float64]:
        """The predictive standard deviation √(G00 + 2·ln k·G01 + ln²k·G11 + σ²)."""
        log_k = np.log(np.asarray(k, dtype=float))
        variance = self.g00 + 2 * log_k * self.g01 + log_k**2 * self.g11 + self.sigma**2
        deviation: NDArray[np.float64] = np.sqrt(variance)
        return deviation

    def percentile(
        self, percent: float, k: ArrayLike, baseline: ArrayLike, direction: Literal[1, -1]
    ) -> NDArray[np.float64]:
        """The score than which `percent` of the predicted are worse, counted from the worst."""
        quantile = stats.norm.ppf(percent / 100)
        return self.expected(k, baseline) + direction * quantile * self.sd(k)
