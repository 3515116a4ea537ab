"""The expected response from the parameters of a curve."""

import numpy as np
import pytest

from tests.reference import Curve

CURVE = Curve(
    b0=18.1,
    b1=-4.7,
    b2=0.83,
    b3=-0.18,
    mean_baseline=20,
    g00=25,
    g01=-2,
    g11=4,
    sigma=3.7,
)


def test_the_expected_score_of_an_average_and_of_a_high_baseline() -> None:
    k = [2, 8]
    average = CURVE.expected(k, [20, 20])
    assert average == pytest.approx([18.1 - 4.7 * 0.693147, 18.1 - 4.7 * 2.079442])
    higher = CURVE.expected(k, [30, 30]) - average
    assert higher == pytest.approx([8.3 - 1.8 * 0.693147, 8.3 - 1.8 * 2.079442])


def test_nothing_is_expected_of_the_baseline_itself() -> None:
    assert np.isnan(CURVE.expected(1, 20))


def test_the_predictive_deviation_holds_both_random_effects_and_the_residual() -> None:
    log_8 = 2.079442
    variance = 25 - 2 * log_8 * 2 + log_8**2 * 4 + 3.7**2
    assert CURVE.sd(8) == pytest.approx(np.sqrt(variance))


def test_percentiles_are_counted_from_the_worst() -> None:
    expected, sd = CURVE.expected(5, 20), CURVE.sd(5)
    assert CURVE.percentile(10, 5, 20, -1) == pytest.approx(expected + 1.281552 * sd)
    assert CURVE.percentile(25, 5, 20, 1) == pytest.approx(expected - 0.674490 * sd)
    assert CURVE.percentile(50, 5, 20, 1) == pytest.approx(expected)
