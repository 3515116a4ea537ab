"""Severity-adjusted effects and shrunken means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.measures.severity import reference, shrunk

FIRST = [10.0, 12, 14, 16, 18, 20, 22, 24, 26, 28]
SESSION = [1, 2, 1, 3, 1, 2, 1, 1, 2, 3]


def test_the_zero_point_is_what_the_reference_group_had() -> None:
    last = [3 + 0.5 * one + 2 * session for one, session in zip(FIRST, SESSION, strict=True)]
    fitted = reference(FIRST, SESSION, last)
    assert (fitted.intercept, fitted.by_first, fitted.by_session) == pytest.approx((3, 0.5, 2))
    assert fitted.effect(20, 1, 15, sign=-1) == pytest.approx(0)
    # Two points lower than expected, in deviations of the first scores.
    assert fitted.effect(20, 1, 13, sign=-1) == pytest.approx(2 / fitted.sd)
    assert fitted.effect(20, 1, 13, sign=1) == pytest.approx(-2 / fitted.sd)


def test_a_reference_where_all_began_at_once_takes_no_account_of_sessions() -> None:
    fitted = reference(FIRST, [1] * 10, [0.5 * one for one in FIRST])
    assert (fitted.intercept, fitted.by_first, fitted.by_session) == pytest.approx((0, 0.5, 0))


def test_nine_clients_or_equal_scores_are_no_reference() -> None:
    with pytest.raises(ValueError, match="ten clients"):
        reference(FIRST[:9], SESSION[:9], FIRST[:9])
    with pytest.raises(ValueError, match="ten clients"):
        reference([5.0] * 10, SESSION, FIRST)


def test_groups_that_differ_by_chance_alone_get_the_common_mean() -> None:
    assert shrunk([1.0, 1.1, 0.9], [1.0, 1.0, 1.0]) == pytest.approx([1, 1, 1])


def test_the_less_certain_mean_is_drawn_further() -> None:
    # Weights 2, 1/2, 2: Q = 160/9, C = 8/3, so the variance between groups is 71/12.
    found = shrunk([0.0, 0.0, 4.0], [0.5, 2.0, 0.5])
    assert found == pytest.approx([0.1109, 0.3596, 3.7992], abs=1e-4)


@given(
    st.lists(
        st.tuples(st.floats(-5, 5), st.floats(0.01, 5)),
        min_size=1,
        max_size=8,
    )
)
def test_shrunken_means_stay_within_the_means(groups: list[tuple[float, float]]) -> None:
    means = [mean for mean, _ in groups]
    found = shrunk(means, [variance for _, variance in groups])
    assert all(min(means) - 1e-9 <= one <= max(means) + 1e-9 for one in found)
