"""Methods of judging a change: published values, boundaries, impossible norms."""

from decimal import Decimal
from math import sqrt

import pytest

from shared.errors import Invalid
from shared.measures.methods import (
    Cutoffs,
    IndexMethod,
    Judge,
    Outcome,
    Prediction,
    cutoffs,
    percent_change,
    prediction,
    reliable_change_value,
)

LOWER, HIGHER = -1, 1


def predicted(
    method: IndexMethod, reliability: float = 0.8, reliability_post: float | None = None
) -> Prediction:
    """By a sample with mean 40 and SD 7.5 before, mean 45 after."""
    return prediction(
        method,
        mean_pre=40,
        sd_pre=7.5,
        mean_post=45,
        reliability=reliability,
        reliability_post=reliability_post,
    )


def test_jacobson_and_truax_1991_have_an_index_of_3_1623() -> None:
    assert predicted("jt").index_of(32.5, 47.5) == pytest.approx(3.1623, abs=5e-5)
    assert predicted("jt").index_of(47.5, 32.5) == pytest.approx(-3.1623, abs=5e-5)
    assert predicted("jt").error == pytest.approx(4.7434, abs=5e-5)
    assert reliable_change_value(7.5, 0.8) == pytest.approx(1.96 * sqrt(2) * 7.5 * sqrt(0.2))


def test_jacobson_and_truax_1991_have_cutoffs_of_55_45_and_50() -> None:
    assert cutoffs(40, 7.5, (60, 7.5), sign=HIGHER) == Cutoffs(55, 45, 50)


def test_each_cutoff_uses_the_deviation_of_its_own_population() -> None:
    # Lower is better: clinical 24 (6), functional 8 (3).
    assert cutoffs(24, 6, (8, 3), sign=LOWER) == Cutoffs(12, 14, (3 * 24 + 6 * 8) / 9)


def test_without_a_functional_population_only_the_first_cutoff_is_known() -> None:
    assert cutoffs(40, 7.5, None, sign=HIGHER) == Cutoffs(55, None, None)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        # 47.5 against .8 x (32.5 - 40) + 40 = 34 is 13.5 above what was to be expected.
        ("en", 13.5 / (7.5 * sqrt(0.2))),
        ("gln", 13.5 / (7.5 * 0.6)),
        ("nk", 13.5 / sqrt(0.64 * 56.25 * 0.2 + 56.25 * 0.2)),
        # The group got better by 5 itself, which leaves 8.5.
        ("hll", 8.5 / (7.5 * 0.6)),
    ],
)
def test_other_methods_expect_regression_to_the_mean(method: IndexMethod, expected: float) -> None:
    assert predicted(method).index_of(32.5, 47.5) == pytest.approx(expected)


def test_nunnally_and_kotsch_use_both_reliabilities() -> None:
    error = predicted("nk", 0.8, 0.5).error
    assert error == pytest.approx(sqrt(0.64 * 56.25 * 0.2 + 56.25 * 0.5))


@pytest.mark.parametrize("reliability", [0, 1, -0.1, 1.1, float("nan")])
def test_a_reliability_outside_0_and_1_is_refused(reliability: float) -> None:
    with pytest.raises(Invalid, match="reliability"):
        predicted("jt", reliability)
    with pytest.raises(Invalid, match="reliability"):
        predicted("nk", 0.8, reliability)


@pytest.mark.parametrize("sd", [0, -1, float("nan")])
def test_a_deviation_that_is_none_is_refused(sd: float) -> None:
    with pytest.raises(Invalid, match="deviation"):
        reliable_change_value(sd, 0.8)
    with pytest.raises(Invalid, match="deviation"):
        cutoffs(40, 7.5, (60, sd), sign=HIGHER)


# An error of exactly 1 point, so that an index of 1.96 is a change of 1.96 points.
ONE_POINT = Prediction(1, 0, 1)


@pytest.mark.parametrize(
    ("post", "expected"),
    [("1.96", "unchanged"), ("1.97", "improved"), ("-1.96", "unchanged"), ("-1.97", "worse")],
)
def test_only_more_than_1_96_errors_are_reliable(post: str, expected: str) -> None:
    _, kind = Judge(ONE_POINT, HIGHER).outcome(Decimal(0), Decimal(post))
    assert kind == ("deteriorated" if expected == "worse" else expected)


@pytest.mark.parametrize(
    ("pre", "post", "expected"),
    [
        (20, 9, "recovered"),
        (20, 10, "improved"),  # on the cutoff is not beyond it
        (10, 5, "improved"),  # was not beyond it
        (20, 19, "unchanged"),
        (9, 11, "harmed"),
        (5, 9, "deteriorated"),  # still functional
        (10, 15, "harmed"),
        (11, 15, "deteriorated"),  # was clinical already
    ],
)
def test_recovered_and_harmed_cross_the_cutoff(pre: int, post: int, expected: Outcome) -> None:
    _, kind = Judge(ONE_POINT, LOWER, cutoff=10).outcome(Decimal(pre), Decimal(post))
    assert kind == expected


def test_without_a_cutoff_nobody_recovers_or_is_harmed() -> None:
    judge = Judge(ONE_POINT, LOWER)
    assert judge.outcome(Decimal(60), Decimal(0)) == (-60, "improved")
    assert judge.outcome(Decimal(0), Decimal(60)) == (60, "deteriorated")


@pytest.mark.parametrize(
    ("pre", "post", "expected"),
    [
        ("20", "10", "improved"),  # exactly 50 %
        ("20", "10.1", "unchanged"),
        ("20", "30", "deteriorated"),
        ("20", "29.9", "unchanged"),
        ("0.3", "0.15", "improved"),  # 0.3 x 0.5 in floating point is not 0.15
        ("0", "0", "unchanged"),
        ("0", "0.1", "deteriorated"),  # from 0 every change is beyond every percentage
        ("-10", "-15", "improved"),
    ],
)
def test_percentage_change_is_inclusive_and_exact(pre: str, post: str, expected: Outcome) -> None:
    judge = Judge(Decimal(50), LOWER)
    assert judge.outcome(Decimal(pre), Decimal(post))[1] == expected


def test_percentage_change_has_no_index_from_zero() -> None:
    assert percent_change(Decimal(20), Decimal(10)) == -50
    assert percent_change(Decimal(0), Decimal(10)) is None
