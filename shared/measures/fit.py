"""Fitting the expected response to courses of ratings (REML, statsmodels' MixedLM).

A fifth of the episodes is held out: a fit of the others says how often its 80 % band holds ratings
that it has not seen. Then the next fifth, until enough episodes were tried: of sixty, chance alone
moves that share by several per cent. Where bands hold about as much as they should, the curve of
all episodes may be published. Which episodes are held out together follows from their ids, so the
same courses give the same curve.

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
"""Of a group with fewer episodes nothing is said."""

PARTS = 5
"""In so many parts the episodes are divided; one after the other is held out."""

ENOUGH_TRIED = 500
"""No further part is held out once so many episodes were."""

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
    """Parameters, and where statsmodels found them: a fit of most of the courses begins there."""

    parameters: Parameters
    place: MixedLMParams


class Trial(NamedTuple):
    """A held-out course: how many ratings after the baseline it has, and the band holds."""

    course: Course
    ratings: int
    inside: int


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
    whole = estimate(usable, longest)
    coverage = list(coverages(list(trials(usable, whole))))
    check_coverage(coverage[0])
    return Fit(
        parameters=whole.parameters,
        episodes=len(usable),
        ratings=sum(len(one.scores[1:longest]) for one in usable),
        coverage=coverage,
    )


def part_of(episode_id: str) -> int:
    """With which others an episode is held out: a number below `PARTS`."""
    digest = blake2b(episode_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest) % PARTS


def trials(courses: Sequence[Course], whole: Estimate) -> Iterator[Trial]:
    """Courses against the bands of fits that have not seen them, at least `ENOUGH_TRIED` or all."""
    tried = 0
    for part in range(PARTS):
        if tried >= ENOUGH_TRIED:
            return
        others = [one for one in courses if part_of(one.episode_id) != part]
        unseen = [one for one in courses if part_of(one.episode_id) == part]
        curve = estimate(others, whole.parameters.longest, near=whole).parameters
        yield from (trial(curve, one) for one in unseen)
        tried += len(unseen)


def trial(curve: Parameters, course: Course) -> Trial:
    """How many ratings of a course the 80 % band of a curve holds."""
    inside = [
        curve.percentile(ordinal, course.scores[0], 10)
        <= score
        <= curve.percentile(ordinal, course.scores[0], 90)
        for ordinal, score in enumerate(course.scores[1 : curve.longest], FIRST)
    ]
    return Trial(course, len(inside), sum(inside))


def estimate(courses: Sequence[Course], longest: int, *, near: Estimate | None = None) -> Estimate:
    """The model's parameters for these courses; FitRefused where there are none to be had.

    Beginning at those of nearly the same courses (`near`) saves more than half of the time.
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


def coverages(held_out: Sequence[Trial]) -> Iterator[Coverage]:
    """How much the bands hold: of all, by ending, by age group."""
    yield coverage_of(held_out, "all", "all")
    for ending in ENDINGS:
        chosen = [one for one in held_out if one.course.ending == ending]
        if chosen:
            yield coverage_of(chosen, "ending", ending)
    for age_group in sorted({one.course.age_group for one in held_out}):
        chosen = [one for one in held_out if one.course.age_group == age_group]
        yield coverage_of(chosen, "age_group", age_group)


def coverage_of(held_out: Sequence[Trial], by: CoveredBy, group: CoveredGroup) -> Coverage:
    """The share of the ratings of a group that the bands hold."""
    ratings, inside = sum(one.ratings for one in held_out), sum(one.inside for one in held_out)
    enough = len(held_out) >= LEAST_OF_A_GROUP
    return Coverage(
        by=by,
        group=group,
        episodes=len(held_out),
        ratings=ratings,
        share=inside / ratings if enough else None,
    )


def check_coverage(held_out: Coverage) -> None:
    """FitRefused where the band holds too little or too much."""
    share = held_out.share
    if share is None or not LEAST_COVERED <= share <= MOST_COVERED:
        found = f"the 80 % band holds {share or 0:.1%} of {held_out.ratings} held-out ratings"
        raise refused("coverage", found, "coverage")


def refused(where: str, why: str, code: str) -> FitRefused:
    """The refusal with its reason."""
    return FitRefused(why, errors=[FieldError(where, why, code)])
