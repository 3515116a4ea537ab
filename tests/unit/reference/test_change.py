"""Reliable change, cutoffs and classes against published values and worked arithmetic."""

from dataclasses import replace

import numpy as np
import pytest

from tests.reference import change, classify, in_series
from tests.unit.reference.builders import BDI, ORS, ratings


def scores(*values: float) -> change.Scores:
    return np.array(values, dtype=float)


def test_the_example_of_jacobson_and_truax_1991() -> None:
    index = change.jacobson_truax(scores(32.5), scores(47.5), sd=7.5, reliability=0.8)
    assert index[0] == pytest.approx(3.1623, abs=5e-5)
    assert change.cutoff_a(40, 7.5, direction=1) == 55
    assert change.cutoff_b(60, 7.5, direction=1) == 45
    assert change.cutoff_c(40, 7.5, 60, 7.5) == 50


def test_cutoffs_turn_round_where_less_is_better() -> None:
    assert change.cutoff_a(20, 5, direction=-1) == 10
    assert change.cutoff_b(6, 4, direction=-1) == 14
    assert change.cutoff_c(20, 5, 6, 4) == pytest.approx((4 * 20 + 5 * 6) / 9)


def test_cutoff_b_takes_the_functional_sd() -> None:
    assert change.cutoff_b(60, 5, direction=1) == 50


def test_the_reliable_change_value_of_the_suddengains_package() -> None:
    """`define_crit1_cutoff(sd = 10.5, reliability = 0.961)` in suddengains' own tests."""
    assert change.standard_error(10.5, 0.961) == pytest.approx(2.073584, abs=1e-6)
    assert change.standard_error_of_difference(10.5, 0.961) == pytest.approx(2.93249, abs=1e-5)
    assert change.reliable_change_value(10.5, 0.961) == pytest.approx(5.747681, abs=1e-6)


def test_the_other_indices_on_worked_arithmetic() -> None:
    """Mean 5, SD 7, r .8, 30 → 2: the true score before is .8·25 + 5 = 25."""
    pre, post = scores(30), scores(2)
    en = change.edwards_nunnally(pre, post, mean=5, sd=7, reliability=0.8)
    gln = change.gulliksen_lord_novick(pre, post, mean=5, sd=7, reliability=0.8)
    nk = change.nunnally_kotsch(pre, post, mean=5, sd=7, reliability=0.8, post_reliability=0.5)
    assert en[0] == pytest.approx(-23 / 3.130495)
    assert gln[0] == pytest.approx(-23 / 4.2)
    assert nk[0] == pytest.approx(-23 / np.sqrt(6.272 + 24.5))


def test_hsu_linn_lord_takes_the_mean_after() -> None:
    index = change.hsu_linn_lord(scores(30), scores(3), mean=10, post_mean=7, sd=5, reliability=0.8)
    assert index[0] == pytest.approx(-20 / 3)


def test_percentage_change_is_inclusive() -> None:
    pre, post = scores(20, 20, 20, 0), scores(10, 10.1, 30, 0)
    better, worse = change.percentage_changed(pre, post, percent=50, direction=-1)
    assert better.tolist() == [True, False, False, False]
    assert worse.tolist() == [False, False, True, False]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (20, 11.5, "recovered"),
        (20, 11.6, "unchanged"),
        (30, 21.5, "improved"),
        (22.8, 14.3, "improved"),
        (22.7, 14.2, "recovered"),
        (14.2, 5.7, "improved"),
        (20, 28.4, "unchanged"),
        (20, 28.5, "deteriorated"),
        (10, 18.5, "harmed"),
    ],
)
def test_classes_turn_one_tenth_either_side_of_the_thresholds(
    first: float, last: float, expected: str
) -> None:
    classes = classify(in_series(ratings(first, last), -1), BDI, harm=True)
    assert classes.tolist()[1] == expected


def test_who_was_harmed_is_among_the_deteriorated_unless_asked_for() -> None:
    assert classify(in_series(ratings(10, 18.5), -1), BDI).tolist()[1] == "deteriorated"


def test_the_baseline_itself_has_no_class() -> None:
    assert classify(in_series(ratings(20, 11), -1), BDI).isna().tolist() == [True, False]


def test_a_change_of_exactly_a_plain_value_is_reliable() -> None:
    assert classify(in_series(ratings(18, 23), 1), ORS).tolist()[1] == "improved"
    assert classify(in_series(ratings(18, 22.9), 1), ORS).tolist()[1] == "unchanged"


def test_a_change_of_exactly_the_value_is_not_reliable_where_the_definition_is_strict() -> None:
    strict = replace(ORS, strict=True)
    assert classify(in_series(ratings(18, 23), 1), strict).tolist()[1] == "unchanged"
    assert classify(in_series(ratings(18, 23.1), 1), strict).tolist()[1] == "improved"
