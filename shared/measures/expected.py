"""The expected response: how clients who began alike went on, rating by rating.

    y_k = b0 + b1 ln k + b2 (x1 - m) + b3 (x1 - m) ln k + u0 + u1 ln k + e        for k >= 2

k is the ordinal of a rating in its series, x1 the baseline and m the mean baseline of the sample;
u0 and u1 are a client's own course with covariance G, e what is left over. What to expect of
somebody whose course is not known yet has the standard deviation
sqrt(G00 + 2 ln k G01 + ln^2 k G11 + s^2). A prediction is not a verdict.

A curve is held at its last value beyond the longest course that it was fitted for: that is its
plateau, and nothing is said of what nobody has seen.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from math import log, sqrt
from statistics import NormalDist
from typing import Literal, NamedTuple

import msgspec

from shared.contracts.intake import AgeGroup, Ending
from shared.contracts.outcomes import Coverage, ExpectedResponseFitted

FIRST = 2
"""The first ordinal of which a curve says anything: the baseline itself is given."""

BANDS = (10, 25, 50, 75, 90)
"""The percentiles of a band."""

_Z: dict[float, float] = {p: NormalDist().inv_cdf(p / 100) for p in BANDS}


CourseEnding = Ending | Literal["open"]


class Course(NamedTuple):
    """One episode's scores in tenths, in clinical order, the baseline first."""

    episode_id: str
    age_group: AgeGroup
    ending: CourseEnding
    scores: Sequence[int]


class Parameters(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The numbers of a curve, in points, and what follows from them.

    `baseline_mean` is m, `variance` s^2, `longest` the highest ordinal that it was fitted for.
    """

    intercept: float
    slope: float
    baseline_effect: float
    interaction: float
    baseline_mean: float
    g00: float
    g01: float
    g11: float
    variance: float
    longest: int

    def expected(self, ordinal: int, baseline: int) -> float:
        """The expected score in tenths at `ordinal`, of a baseline in tenths.

        ValueError below the second rating, as for every method.
        """
        t = self._time(ordinal)
        off = baseline / 10 - self.baseline_mean
        of_baseline = self.baseline_effect + self.interaction * t
        return 10 * (self.intercept + self.slope * t + of_baseline * off)

    def sd(self, ordinal: int) -> float:
        """The predictive standard deviation at `ordinal`, in tenths."""
        t = self._time(ordinal)
        return 10 * sqrt(self.g00 + 2 * t * self.g01 + t * t * self.g11 + self.variance)

    def percentile(self, ordinal: int, baseline: int, p: float) -> float:
        """The score in tenths below which `p` per cent of such ratings are expected to lie.

        Of scores as they are: where lower is better, the worst tenth lies above the 90th.
        """
        z = _Z[p] if p in _Z else NormalDist().inv_cdf(p / 100)
        return self.expected(ordinal, baseline) + z * self.sd(ordinal)

    def band(self, ordinal: int, baseline: int) -> dict[str, float]:
        """The percentiles of `BANDS` in tenths, by their names ("10" to "90")."""
        middle, sd = self.expected(ordinal, baseline), self.sd(ordinal)
        return {str(p): middle + z * sd for p, z in _Z.items()}

    def _time(self, ordinal: int) -> float:
        if ordinal < FIRST:
            raise ValueError("nothing is expected of a first rating")
        return log(min(ordinal, self.longest))


class Curve(Parameters, frozen=True, kw_only=True, omit_defaults=True):
    """One version of the expected response of a measure in an age group.

    A *seed* is a proposal from published figures (`source`): it is flagged wherever it shows, and
    never alerts. A *fitted* curve counts for ratings recorded from `effective_from` on; `episodes`
    and `ratings` are its sample, `coverage` how often its 80 % band held ratings of held-out
    episodes.
    """

    measure: str
    age_group: AgeGroup
    version: int
    kind: Literal["fitted", "seed"]
    effective_from: datetime | None = None
    fitted_at: datetime | None = None
    episodes: int = 0
    ratings: int = 0
    coverage: list[Coverage] = []
    source: str = ""


class Targets(msgspec.Struct, frozen=True, kw_only=True):
    """What a course may reach, in tenths: the curve's plateau, and places on the way there."""

    plateau: float
    two_thirds: float
    half: float
    sign: int

    def reached(self, score: int) -> Literal["met", "67", "50"] | None:
        """How far a score in tenths has come; None below half of the way."""
        if self.sign * (score - self.plateau) >= 0:
            return "met"
        if self.sign * (score - self.two_thirds) >= 0:
            return "67"
        return "50" if self.sign * (score - self.half) >= 0 else None


def targets(curve: Curve, baseline: int, *, sign: int) -> Targets | None:
    """The targets of a baseline in tenths; `sign` is +1 where higher scores are better, else -1.

    None where no gain is expected: whoever began well has nothing to reach.
    """
    plateau = curve.expected(curve.longest, baseline)
    way = plateau - baseline
    if sign * way <= 0:
        return None
    return Targets(
        plateau=plateau, two_thirds=baseline + 0.67 * way, half=baseline + 0.5 * way, sign=sign
    )


def curve_of(event: ExpectedResponseFitted) -> Curve:
    """The curve that an event published."""
    fields = msgspec.structs.asdict(event)
    return Curve(kind="fitted", version=fields.pop("curve_version"), **fields)


def in_force(curves: Iterable[Curve], recorded_at: datetime) -> Curve | None:
    """The newest of one measure's and age group's fitted curves for a rating recorded then.

    None where there was none yet: a fit is never applied to the past.
    """
    begun = [
        one
        for one in curves
        if one.effective_from is not None and one.effective_from <= recorded_at
    ]
    return max(begun, key=lambda one: one.version, default=None)
