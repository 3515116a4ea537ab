"""Published methods of judging a change between two scores, as functions of plain numbers.

Scores are in points, means and standard deviations those of the sample at pre (subscript 1), at
post, or of a functional population (subscript 0). Each index but percentage change is the
distance of the score at post from the one that the method predicts, in standard errors; it is
raw: positive means that the score rose.

Sources: Jacobson and Truax (1991); Edwards and Nunnally in Speer (1992); Gulliksen, Lord and
Novick, and Hsu, Linn and Lord, both in Hsu (1989); Nunnally and Kotsch (1983).
"""

from decimal import Decimal
from math import sqrt
from typing import Literal, NamedTuple

import msgspec

from shared.contracts.outcomes import Change
from shared.errors import Invalid
from shared.measures.change import CRITICAL, class_of

IndexMethod = Literal["jt", "en", "gln", "hll", "nk"]
Method = Literal["jt", "en", "gln", "hll", "nk", "percent"]
Outcome = Change | Literal["harmed"]


class Prediction(NamedTuple):
    """The score at post that a method expects: `slope` x pre + `intercept`, and its error."""

    slope: float
    intercept: float
    error: float

    def index_of(self, pre: float, post: float) -> float:
        """How many standard errors `post` lies above what `pre` lets expect."""
        return (post - (self.slope * pre + self.intercept)) / self.error


class Cutoffs(msgspec.Struct, frozen=True):
    """Where the functional side begins, in points (Jacobson and Truax 1991).

    a: beyond two standard deviations of the clinical population; b: within two of the functional
    one; c: nearer to the functional than to the clinical mean, in standard deviations.
    """

    a: float
    b: float | None
    c: float | None


class Judge(NamedTuple):
    """Judges changes by a `Prediction`, or where that is a number by so many percent.

    `sign` is +1 where higher is better, else -1. `cutoff` (points) divides the clinical side from
    the functional; a score on it is on neither. Without one nobody recovers or is harmed.
    """

    by: Prediction | Decimal
    sign: int
    cutoff: float | None = None

    def outcome(self, pre: Decimal, post: Decimal) -> tuple[float | None, Outcome]:
        """The index (the change in percent, None from 0) and the class of a change (points)."""
        if isinstance(self.by, Decimal):
            index = percent_change(pre, post)
            better = percent_reached(pre, post, self.by, sign=self.sign)
            worse = percent_reached(pre, post, self.by, sign=-self.sign)
        else:
            index = self.by.index_of(float(pre), float(post))
            better, worse = self.sign * index > CRITICAL, self.sign * index < -CRITICAL
        was_clinical, is_functional = self.beyond(pre, -1), self.beyond(post, 1)
        kind = class_of(better=better, worse=worse, crossed=was_clinical and is_functional)
        if kind == "deteriorated" and self.cutoff is not None:
            return index, kind if was_clinical or is_functional else "harmed"
        return index, kind

    def beyond(self, score: Decimal, side: int) -> bool:
        """Whether `score` is on the functional (1) or the clinical (-1) side of the cutoff."""
        return self.cutoff is not None and side * self.sign * (float(score) - self.cutoff) > 0


def prediction(
    method: IndexMethod,
    *,
    mean_pre: float,
    sd_pre: float,
    mean_post: float,
    reliability: float,
    reliability_post: float | None = None,
) -> Prediction:
    """What `method` expects, from the sample and the reliability of the measure.

    Only `hll` uses `mean_post`; only `nk` uses `reliability_post`, which is `reliability` unless
    given. Invalid where a standard deviation or a reliability is impossible.
    """
    check_sd(sd_pre)
    check_reliability(reliability)
    r, r_post = reliability, reliability if reliability_post is None else reliability_post
    check_reliability(r_post)
    regressed = (1 - r) * mean_pre
    match method:
        case "jt":
            return Prediction(1, 0, difference_error(sd_pre, r))
        case "en":
            return Prediction(r, regressed, measurement_error(sd_pre, r))
        case "gln":
            return Prediction(r, regressed, prediction_error(sd_pre, r))
        case "hll":
            return Prediction(r, mean_post - r * mean_pre, prediction_error(sd_pre, r))
        case "nk":
            return Prediction(r, regressed, sd_pre * sqrt(r**2 * (1 - r) + 1 - r_post))


def measurement_error(sd: float, reliability: float) -> float:
    """SE = s x sqrt(1 - r), in points."""
    return sd * sqrt(1 - reliability)


def difference_error(sd: float, reliability: float) -> float:
    """S_diff = sqrt(2) x SE: the standard error of a difference of two scores, in points."""
    return sqrt(2) * measurement_error(sd, reliability)


def prediction_error(sd: float, reliability: float) -> float:
    """s x sqrt(1 - r squared): the standard error of predicting one score from another."""
    return sd * sqrt(1 - reliability**2)


def reliable_change_value(sd: float, reliability: float) -> float:
    """1.96 x S_diff: a larger change, in points, is reliable (Jacobson and Truax)."""
    check_sd(sd)
    check_reliability(reliability)
    return CRITICAL * difference_error(sd, reliability)


def cutoffs(
    clinical_mean: float,
    clinical_sd: float,
    functional: tuple[float, float] | None,
    *,
    sign: int,
) -> Cutoffs:
    """The three cutoffs; b and c need mean and standard deviation of a `functional` population.

    `sign` is +1 where higher is better, else -1. (b uses the functional standard deviation, as
    published; the R package clinicalsignificance uses the clinical one.)
    """
    check_sd(clinical_sd)
    a = clinical_mean + sign * 2 * clinical_sd
    if functional is None:
        return Cutoffs(a, None, None)
    mean, sd = functional
    check_sd(sd)
    c = (sd * clinical_mean + clinical_sd * mean) / (sd + clinical_sd)
    return Cutoffs(a, mean - sign * 2 * sd, c)


def percent_reached(pre: Decimal, post: Decimal, percent: Decimal, *, sign: int) -> bool:
    """Whether the score got better by `percent` of `pre` or more, in exact numbers (points).

    Any change for the better from 0 reaches every percentage; no change reaches none.
    """
    better = sign * (post - pre)
    return better > 0 and better * 100 >= percent * abs(pre)


def percent_change(pre: Decimal, post: Decimal) -> float | None:
    """100 x (post - pre) / |pre|; None from 0."""
    return float(100 * (post - pre) / abs(pre)) if pre else None


def check_sd(sd: float) -> None:
    """Raise Invalid unless `sd` is a standard deviation that scores can differ by."""
    if not sd > 0:
        raise Invalid("A standard deviation must be above 0.")


def check_reliability(reliability: float) -> None:
    """Raise Invalid unless `reliability` is above 0 and below 1."""
    if not 0 < reliability < 1:
        raise Invalid("A reliability must be above 0 and below 1.")
