"""Sudden gains: the three criteria on their boundaries, and published series."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from shared.measures.gains import CRITICAL_T, Gain, sudden_gains

LOWER, HIGHER = -1, 1
SEVEN = Decimal(7)


def tenths(points: Sequence[int | None]) -> list[int | None]:
    return [None if value is None else 10 * value for value in points]


# Series and answers of the tests of the R package suddengains 0.7 (BDI, cut 7).
PUBLISHED = {
    "two gains, the first reversed": (
        [35, 37, 34, 23, 24, 21, 29, 17, 11, 11, 10, 7],
        [Gain(2, 3, 110, True), Gain(6, 7, 120, False)],
    ),
    "a gap before": (
        [35, 38, 35, 37, 36, 37, None, 35, 26, 24, None, 19],
        [Gain(7, 8, 90, False)],
    ),
    "the first testable step": (
        [35, 35, 25, 25, 17, 17, 16, 16, 11, 9, 7, 8],
        [Gain(1, 2, 100, False), Gain(3, 4, 80, False)],
    ),
    "a gap after": (
        [39, 37, 23, None, 23, 21, None, None, 21, None, 16, 14],
        [Gain(1, 2, 140, False)],
    ),
    "two before, two after": ([None, 38, 35, 24, None, 22, 17, 16], [Gain(2, 3, 110, False)]),
    "not stable enough": ([28, 19, 23, 12, 13, None], []),
    "just stable enough": ([28, 19, 23, 11, 12, None], [Gain(2, 3, 120, False)]),
    "nothing rated before the step": ([28, 19, None, 12, 13, None], []),
    "nothing rated after the step": ([None, 26, 28, None, 12, 11], []),
}


@pytest.mark.parametrize(("points", "expected"), PUBLISHED.values(), ids=list(PUBLISHED))
def test_published_series_have_the_published_gains(
    points: list[int | None], expected: list[Gain]
) -> None:
    assert sudden_gains(tenths(points), cut=SEVEN, sign=LOWER) == expected


def test_a_published_loss_is_the_mirror_image_of_a_gain() -> None:
    points = tenths([10, 11, 12, 30, 28, 33])
    assert sudden_gains(points, cut=SEVEN, sign=-LOWER) == [Gain(2, 3, 180, False)]
    assert sudden_gains(points, cut=SEVEN, sign=LOWER) == []


def test_a_step_of_the_cut_is_enough_and_a_tenth_less_is_not() -> None:
    assert sudden_gains([280, 280, 280, 210, 210, 210], cut=SEVEN, sign=LOWER)
    assert not sudden_gains([280, 280, 280, 211, 211, 211], cut=SEVEN, sign=LOWER)
    assert not sudden_gains([280, 280, 280, 210, 210, 210], cut=Decimal("7.01"), sign=LOWER)


def test_a_quarter_of_the_score_is_enough_and_a_tenth_less_is_not() -> None:
    assert sudden_gains([320, 320, 320, 240, 240, 240], cut=SEVEN, sign=LOWER)
    assert not sudden_gains([320, 320, 320, 241, 241, 241], cut=SEVEN, sign=LOWER)


def test_a_loss_needs_a_quarter_of_the_score_too() -> None:
    assert sudden_gains([320, 320, 320, 400, 400, 400], cut=SEVEN, sign=-LOWER)
    assert not sudden_gains([320, 320, 320, 399, 399, 399], cut=SEVEN, sign=-LOWER)


def test_neither_the_first_nor_the_last_step_can_be_judged() -> None:
    assert not sudden_gains([300, 100, 100, 100], cut=SEVEN, sign=LOWER)
    assert not sudden_gains([300, 300, 300, 100], cut=SEVEN, sign=LOWER)


@pytest.mark.parametrize(("later", "is_reversed"), [(210, False), (211, True)])
def test_a_gain_is_reversed_once_more_than_half_is_lost(later: int, is_reversed: bool) -> None:
    values = [300, 300, 300, 120, 120, 120, later, 120]
    assert sudden_gains(values, cut=SEVEN, sign=LOWER) == [Gain(2, 3, 180, is_reversed)]


def test_the_rating_right_after_the_step_may_reverse_it() -> None:
    values = [300, 300, 300, 100, 210, 100]
    assert sudden_gains(values, cut=SEVEN, sign=LOWER) == [Gain(2, 3, 200, True)]


def test_critical_values_are_those_of_students_t() -> None:
    for freedom, critical in CRITICAL_T.items():
        assert critical == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-14)


SERIES = st.lists(st.one_of(st.none(), st.integers(0, 400)), max_size=14)
CUTS = st.decimals("0.1", "20", places=2)


@given(SERIES, CUTS, st.sampled_from([LOWER, HIGHER]))
def test_turning_the_scale_over_changes_nothing(
    values: list[int | None], cut: Decimal, sign: int
) -> None:
    turned = [None if value is None else -value for value in values]
    assert sudden_gains(values, cut=cut, sign=sign) == sudden_gains(turned, cut=cut, sign=-sign)


@given(SERIES, CUTS, st.sampled_from([LOWER, HIGHER]))
def test_a_finer_unit_changes_nothing_but_the_unit(
    values: list[int | None], cut: Decimal, sign: int
) -> None:
    finer = [None if value is None else 100 * value for value in values]
    found = sudden_gains(values, cut=cut, sign=sign)
    expected = [gain._replace(size=100 * gain.size) for gain in found]
    assert sudden_gains(finer, cut=cut, sign=sign, unit=1000) == expected


@given(SERIES, CUTS, st.sampled_from([LOWER, HIGHER]))
def test_gains_are_those_of_the_formulas_in_floating_point(
    values: list[int | None], cut: Decimal, sign: int
) -> None:
    found = [gain.start for gain in sudden_gains(values, cut=cut, sign=sign)]
    assert found == [n for n in range(len(values)) if by_formula(values, n, cut, sign)]


def by_formula(values: list[int | None], n: int, cut: Decimal, sign: int) -> bool:
    """The three criteria as printed, on the step from place `n`."""
    points = np.array([np.nan if value is None else value for value in values]) / 10
    pre, post = points[max(0, n - 2) : n + 1], points[n + 1 : n + 4]
    if n < 1 or len(post) < 2 or np.isnan(points[n]) or np.isnan(points[n + 1]):
        return False
    pre, post = pre[~np.isnan(pre)], post[~np.isnan(post)]
    if len(pre) < 2 or len(post) < 2:
        return False
    step = round(sign * (points[n + 1] - points[n]), 6)
    freedom = len(pre) + len(post) - 2
    pooled = (
        (len(pre) - 1) * np.var(pre, ddof=1) + (len(post) - 1) * np.var(post, ddof=1)
    ) / freedom
    distance = abs(pre.mean() - post.mean())
    return bool(
        step >= float(cut)
        and step >= round(0.25 * points[n], 6)
        and distance > stats.t.ppf(0.975, freedom) * np.sqrt(pooled)
    )
