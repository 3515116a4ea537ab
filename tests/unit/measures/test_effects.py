"""Effect sizes: published values, signs, and what small groups do not show."""

from decimal import Decimal
from math import sqrt

import pytest

from shared.measures.effects import (
    EffectSizes,
    Sample,
    effect_sizes,
    interval,
    sample,
    standardised_change,
    variance,
)

LOWER, HIGHER = -1, 1
BEFORE = [Decimal(value) for value in (20, 22, 18, 25, 30, 27, 19, 24, 21, 24)]
AFTER = [Decimal(value) for value in (12, 20, 10, 14, 28, 20, 11, 19, 10, 16)]


def group(n: int, means: tuple[float, float], sd_pre: float, correlation: float) -> Sample:
    return Sample(
        n=n,
        mean_pre=means[0],
        sd_pre=sd_pre,
        mean_post=means[1],
        sd_post=1,
        sd_change=1,
        correlation=correlation,
    )


# Morris (2008), five treatment groups, as computed by metafor's escalc(measure="SMCR"), which
# has the exact J: the published approximation differs from it in the third digit at n = 9.
@pytest.mark.parametrize(
    ("n", "means", "sd_pre", "correlation", "g", "variance_of_g"),
    [
        (20, (30.6, 38.5), 15.0, 0.47, 0.5056, 0.0594),
        (50, (23.5, 26.8), 3.1, 0.64, 1.0481, 0.0254),
        (10, (53.4, 75.9), 14.5, 0.89, 1.4181, 0.1225),
        (14, (35.6, 36.0), 4.7, 0.44, 0.0801, 0.0802),
    ],
)
def test_hedges_g_and_its_variance_are_those_of_metafor(
    n: int,
    means: tuple[float, float],
    sd_pre: float,
    correlation: float,
    g: float,
    variance_of_g: float,
) -> None:
    sizes = effect_sizes(group(n, means, sd_pre, correlation), sign=HIGHER)
    assert sizes.hedges_g == pytest.approx(g, abs=1e-3)
    assert variance(g, n, correlation) == pytest.approx(variance_of_g, abs=1e-4)


def test_the_interval_is_1_96_errors_to_both_sides() -> None:
    found = interval(0.5056, 20, 0.47)
    half = 1.959964 * 0.0594**0.5
    assert (found.low, found.high) == pytest.approx((0.5056 - half, 0.5056 + half), abs=1e-3)


def test_effect_sizes_of_a_group_by_name() -> None:
    sizes = effect_sizes(sample(BEFORE, AFTER), sign=LOWER)
    # Means 23 and 16; variances 126/9 and 302/9, of the changes 90/9.
    assert sizes.d_pre == pytest.approx(7 / sqrt(14))
    assert sizes.hedges_g == pytest.approx(7 / sqrt(14) * (1 - 3 / 35))
    assert sizes.d_av == pytest.approx(7 / ((sqrt(14) + sqrt(302 / 9)) / 2))
    assert sizes.d_z == pytest.approx(7 / sqrt(10))


def test_improvement_is_positive_in_either_direction() -> None:
    lower, higher = (effect_sizes(sample(BEFORE, AFTER), sign=sign) for sign in (LOWER, HIGHER))
    assert lower.d_pre == pytest.approx(-(higher.d_pre or 0))
    assert (lower.d_pre or 0) > 0


def test_a_group_of_nine_shows_nothing_but_why() -> None:
    assert effect_sizes(sample(BEFORE[:9], AFTER[:9]), sign=LOWER) == EffectSizes(
        n=9, suppressed="fewer than 10 clients"
    )


def test_what_does_not_vary_has_no_effect_size() -> None:
    tenth = [Decimal("0.1")] * 10
    sizes = effect_sizes(sample(tenth, AFTER), sign=LOWER)
    assert (sizes.d_pre, sizes.hedges_g, sizes.interval) == (None, None, None)
    everybody_the_same = [value - Decimal("0.1") for value in BEFORE]
    assert effect_sizes(sample(BEFORE, everybody_the_same), sign=LOWER).d_z is None


def test_a_clients_change_counts_in_deviations_of_the_norms() -> None:
    assert standardised_change(20, 14, 6, sign=LOWER) == 1
    assert standardised_change(20, 14, 6, sign=HIGHER) == -1
