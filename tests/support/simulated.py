"""Simulated courses of a known expected response, to be fitted."""

from collections.abc import Iterator

import numpy as np

from shared.measures.expected import Course, CourseEnding, Curve

TRUTH = Curve(
    measure="ors",
    age_group="adult",
    version=1,
    kind="seed",
    intercept=18.2,
    slope=2.6,
    baseline_effect=0.8,
    interaction=-0.15,
    baseline_mean=17,
    g00=20,
    g01=-3,
    g11=4,
    variance=12,
    longest=16,
)
"""What the courses follow, in points."""

BASELINE_SD = 7.5

ENDINGS: tuple[CourseEnding, ...] = ("unplanned", "open", "planned", "planned", "planned")


def simulated(number: int, *, seed: int = 1, truth: Curve = TRUTH) -> Iterator[Course]:
    """So many episodes of about 6.5 ratings each; scores are not cut off at a scale's ends."""
    random = np.random.default_rng(seed)
    own = random.multivariate_normal(
        [0, 0], [[truth.g00, truth.g01], [truth.g01, truth.g11]], number
    )
    for place in range(number):
        first = random.normal(truth.baseline_mean, BASELINE_SD)
        length = 1 + min(30, int(random.gamma(2.5, 2.4)))
        time = np.log(np.arange(2, length + 1))
        off = first - truth.baseline_mean
        later = (
            (truth.intercept + own[place, 0])
            + (truth.slope + own[place, 1]) * time
            + (truth.baseline_effect + truth.interaction * time) * off
            + random.normal(0, truth.variance**0.5, length - 1)
        )
        scores = [round(10 * float(score)) for score in (first, *later)]
        yield Course(f"episode-{place}", "adult", ENDINGS[place % len(ENDINGS)], scores)
