"""Fitting the expected response to courses of ratings (REML, statsmodels' MixedLM).

One fifth of the episodes is held out: a fit of the others says how often its 80 % band holds
ratings that it has not seen. Where it holds them about as often as it should, the curve is fitted
to all episodes. Which episodes are held out follows from their ids, so the same courses give the
same curve.

Importing this takes seconds and much memory: only the job that fits does it.
"""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from statsmodels.regression.mixed_linear_model import MixedLM, MixedLMParams

from shared.contracts.outcomes import Coverage, CoveredBy, CoveredGroup
from shared.errors import FieldError, Invalid
from shared.measures.expected import FIRST, Course, CourseEnding, Parameters

LEAST_EPISODES = 300
"""Fewer than this give no curve of their own: the seed curve stands."""

LONGEST = 16
"""Ratings above this ordinal are not fitted: the few who stay on are not like those who left."""

LEAST_COVERED, MOST_COVERED = 0.72, 0.90
"""How much the 80 % band of a fit may hold of what was held out."""

LEAST_OF_A_GROUP = 10
"""Of a group with fewer held-out episodes nothing is said."""

HELD_OUT = 5
"""One episode in so many is held out."""

ENDINGS: tuple[CourseEnding, ...] = ("planned", "unplanned", "administrative", "open")
Floats = NDArray[np.float64]


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """A curve that may be published, what it was fitted to, and how it did on held-out episodes.

    `episodes` have a baseline and at least one rating after it; `ratings` are those after it.
    """

    parameters: Parameters
    episodes: int
    ratings: int
    coverage: list[Coverage]


class FitRefused(Invalid):
    """The courses give no curve that may be published; `errors` says why."""

    code, title = "fit_refused", "Fit refused"


class TooFewEpisodes(FitRefused):
    """There are too few episodes for a curve of their own; the seed curve stands."""

    code, title = "too_few_episodes", "Too few episodes"


class Estimate(NamedTuple):
    """Parameters, and where statsmodels found them: a fit of more episodes begins there."""

    parameters: Parameters
    place: MixedLMParams


class Design(NamedTuple):
    """The model's matrices: scores in points, fixed and random effects, and whose each row is."""

    scores: Floats
    fixed: Floats
    random: Floats
    episodes: NDArray[np.int64]


def fit(
    courses: Iterable[Course], *, longest: int = LONGEST, least_episodes: int = LEAST_EPISODES
) -> Fit:
    """The curve of `courses`, all of one measure.

    Raises TooFewEpisodes and FitRefused (not converged, or a band that holds too little or too
    much of what was held out).
    """
    # In one order, so that sums of floats come out alike however the courses were found.
    usable = sorted((one for one in courses if len(one.scores) >= FIRST), key=lambda c: c[0])
    if len(usable) < least_episodes:
        raise TooFewEpisodes(f"{len(usable)} episodes, and {least_episodes} are needed")
    unseen = [one for one in usable if is_held_out(one.episode_id)]
    tried = estimate([one for one in usable if not is_held_out(one.episode_id)], longest)
    coverage = list(coverages(tried.parameters, unseen))
    check_coverage(coverage[0])
    return Fit(
        parameters=estimate(usable, longest, near=tried).parameters,
        episodes=len(usable),
        ratings=sum(len(one.scores[1:longest]) for one in usable),
        coverage=coverage,
    )


def is_held_out(episode_id: str) -> bool:
    """Whether an episode is among those that a fit is tried on."""
    digest = blake2b(episode_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest) % HELD_OUT == 0


def estimate(courses: Sequence[Course], longest: int, *, near: Estimate | None = None) -> Estimate:
    """The model's parameters for these courses; FitRefused where there are none to be had.

    Those of most of the courses (`near`) save half of the time.
    """
    mean = float(np.mean([one.scores[0] for one in courses])) / 10
    design = design_of(courses, mean, longest)
    if np.linalg.matrix_rank(design.fixed) < design.fixed.shape[1]:
        raise refused("baselines", "baselines or lengths of courses do not differ", "not_estimable")
    result = converged(design, near)
    (g00, g01), (_, g11) = np.asarray(result.cov_re, float).tolist()
    b0, b1, b2, b3 = np.asarray(result.fe_params, float).tolist()
    parameters = Parameters(
        intercept=b0,
        slope=b1,
        baseline_effect=b2,
        interaction=b3,
        baseline_mean=mean,
        g00=g00,
        g01=g01,
        g11=g11,
        variance=float(result.scale),
        longest=longest,
    )
    return Estimate(parameters, result.params_object)


def design_of(courses: Sequence[Course], mean: float, longest: int) -> Design:
    """The matrices; a row a rating after the baseline, up to the ordinal `longest`."""
    later = [one.scores[1:longest] for one in courses]
    lengths = [len(scores) for scores in later]
    time = np.log(np.concatenate([np.arange(FIRST, FIRST + length) for length in lengths]))
    off = np.repeat([one.scores[0] / 10 - mean for one in courses], lengths)
    ones = np.ones_like(time)
    return Design(
        np.concatenate([np.asarray(scores, float) for scores in later]) / 10,
        np.column_stack([ones, time, off, off * time]),
        np.column_stack([ones, time]),
        np.repeat(np.arange(len(courses)), lengths),
    )


def converged(design: Design, near: Estimate | None) -> Any:
    """statsmodels' result; FitRefused where it has not converged to usable numbers."""
    model = MixedLM(design.scores, design.fixed, groups=design.episodes, exog_re=design.random)
    with warnings.catch_warnings():
        # What they warn of is looked at: convergence here, the rest by what the band holds.
        warnings.simplefilter("ignore")
        try:
            result = model.fit(reml=True, start_params=near.place if near else None)
        except np.linalg.LinAlgError as error:
            raise refused("parameters", "the model is singular", "singular") from error
    numbers = np.concatenate([result.fe_params, np.ravel(result.cov_re), [result.scale]])
    if not result.converged or not np.isfinite(numbers).all():
        raise refused("parameters", "the fit did not converge", "not_converged")
    return result


def coverages(curve: Parameters, courses: Sequence[Course]) -> Iterator[Coverage]:
    """How much the 80 % band holds of these courses: of all, by ending, by age group."""
    yield coverage_of(curve, courses, "all", "all")
    for ending in ENDINGS:
        chosen = [one for one in courses if one.ending == ending]
        if chosen:
            yield coverage_of(curve, chosen, "ending", ending)
    for age_group in sorted({one.age_group for one in courses}):
        chosen = [one for one in courses if one.age_group == age_group]
        yield coverage_of(curve, chosen, "age_group", age_group)


def coverage_of(
    curve: Parameters, courses: Sequence[Course], by: CoveredBy, group: CoveredGroup
) -> Coverage:
    """The share of the ratings of `courses` within the 80 % band."""
    inside = [
        curve.percentile(ordinal, one.scores[0], 10)
        <= score
        <= curve.percentile(ordinal, one.scores[0], 90)
        for one in courses
        for ordinal, score in enumerate(one.scores[1 : curve.longest], FIRST)
    ]
    enough = len(courses) >= LEAST_OF_A_GROUP
    return Coverage(
        by=by,
        group=group,
        episodes=len(courses),
        ratings=len(inside),
        share=sum(inside) / len(inside) if enough else None,
    )


def check_coverage(held_out: Coverage) -> None:
    """FitRefused where the band holds too little or too much."""
    share = held_out.share
    if share is None:
        raise refused("held_out", "too few episodes were held out", "too_few_held_out")
    if not LEAST_COVERED <= share <= MOST_COVERED:
        found = f"the 80 % band holds {share:.1%} of {held_out.ratings} held-out ratings"
        raise refused("coverage", found, "coverage")


def refused(where: str, why: str, code: str) -> FitRefused:
    """The refusal with its reason."""
    return FitRefused(why, errors=[FieldError(where, why, code)])
