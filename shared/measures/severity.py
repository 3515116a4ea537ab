"""Effect sizes adjusted for severity, and means of small groups shrunk towards all.

All scores are in points; `sign` is +1 where a higher score is better, else -1.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

LEAST_CLIENTS = 10
"""A reference group of fewer clients is not fitted."""


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """A regression of last on first scores, and on the session of the first, in a reference group.

    last = intercept + by_first x first + by_session x session; `sd` is the standard deviation of
    the first scores. The zero point of an adjusted effect is the outcome that the group had from
    the same first score and session: 0 says "as expected there", not "no change".
    """

    n: int
    intercept: float
    by_first: float
    by_session: float
    sd: float

    def effect(self, first: float, session: int, last: float, *, sign: int) -> float:
        """The severity-adjusted effect size of one client: better than expected is positive."""
        expected = self.intercept + self.by_first * first + self.by_session * session
        return sign * (last - expected) / self.sd


def reference(first: Sequence[float], session: Sequence[int], last: Sequence[float]) -> Reference:
    """Fit the regression by least squares; ValueError below ten clients or without spread."""
    firsts, sessions, lasts = (np.array(one, dtype=float) for one in (first, session, last))
    n = len(firsts)
    if n < LEAST_CLIENTS or np.ptp(firsts) == 0:
        raise ValueError("a reference needs ten clients whose first scores differ")
    # Sessions that are all the same say nothing: the least-norm solution spreads no weight on
    # their deviations, which are 0.
    design = np.column_stack([np.ones(n), firsts, sessions - sessions.mean()])
    (intercept, by_first, by_session), *_ = np.linalg.lstsq(design, lasts, rcond=None)
    return Reference(
        n=n,
        intercept=float(intercept - by_session * sessions.mean()),
        by_first=float(by_first),
        by_session=float(by_session),
        sd=float(firsts.std(ddof=1)),
    )


def shrunk(means: Sequence[float], variances: Sequence[float]) -> list[float]:
    """Empirical Bayes: each group's mean, drawn towards that of all as far as it is uncertain.

    `variances` are those of the means (a group's variance / its n), above 0. The variance between
    groups is the method-of-moments one of DerSimonian and Laird (1986), 0 where the groups differ
    no more than chance explains: then each gets the common mean.
    """
    values, within = np.array(means, dtype=float), np.array(variances, dtype=float)
    if len(values) < 2:
        return list(means)
    weights = 1 / within
    common = np.average(values, weights=weights)
    spread = float(weights @ (values - common) ** 2)
    scale = weights.sum() - (weights @ weights) / weights.sum()
    between = max(0.0, (spread - (len(values) - 1)) / scale)
    centre = np.average(values, weights=1 / (within + between))
    own = between / (between + within)
    shrunk_means: list[float] = (own * values + (1 - own) * centre).tolist()
    return shrunk_means
