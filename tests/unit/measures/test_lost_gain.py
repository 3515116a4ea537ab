"""A gain is lost where the score falls from its best, or a sudden gain is reversed."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.measures import measure
from shared.measures.gains import sudden_gains
from tests.unit.measures.judged import cleared, held, last

ORS, BDI = measure("ors"), measure("bdi")
BDI_CUT = Decimal(7)


def flattened(levels: list[tuple[int, list[int]]]) -> list[int]:
    """Scores that stay near a level for a while, in tenths: what sudden gains are made of."""
    return [10 * (level + off) for level, around in levels for off in around]


levels = st.tuples(st.integers(3, 40), st.lists(st.integers(-2, 2), min_size=1, max_size=4))
series_of_bdi = st.lists(levels, min_size=1, max_size=5).map(flattened)


@pytest.mark.parametrize(("latest", "holds"), [(250, True), (251, False), (249, True)])
def test_it_holds_from_a_fall_of_the_reliable_change_below_the_best(
    latest: int, holds: bool
) -> None:
    # 30.0 - 5.0: the scores between count for nothing.
    assert held(ORS, [200, 300, 280, latest], "lost_gain")[-1] is holds


def test_it_says_from_which_best_score() -> None:
    found = last(ORS, [200, 300, 250], "lost_gain")
    assert found is not None
    assert found.inputs == {"best": 300, "latest": 250}
    assert found.thresholds == {"reliable_change": "5"}
    assert found.counterfactual == "At 25.1 or above it would not have fired."


def test_it_is_over_once_the_score_is_back_within_the_reliable_change_of_the_best() -> None:
    series = [200, 300, 250, 249, 250, 251, 252]
    assert held(ORS, series, "lost_gain") == [False, False, True, True, True, False, False]
    assert cleared(ORS, series, "lost_gain") == [*[False] * 5, True, False]


# From 30 to 20: a sudden gain of 10; half of it ends at 25, within 8.46 of 20.
GAIN = [300, 310, 300, 200, 190, 200]


@pytest.mark.parametrize(("latest", "holds"), [(250, False), (260, True)])
def test_a_sudden_gain_is_reversed_beyond_half_of_the_step(latest: int, holds: bool) -> None:
    assert sudden_gains(GAIN, cut=BDI_CUT, sign=-1) != []
    assert held(BDI, [*GAIN, latest], "lost_gain")[-1] is holds


def test_a_reversal_says_which_gain_and_where_its_half_is() -> None:
    found = last(BDI, [*GAIN, 260], "lost_gain")
    assert found is not None
    assert found.inputs == {"latest": 260, "gain_from": 300, "gain_to": 200}
    assert found.thresholds == {"half_of_gain": "25"}
    assert found.counterfactual == "At 25 or below it would not have fired."


def test_a_reversal_is_over_once_half_of_the_gain_is_back() -> None:
    series = [*GAIN, 260, 270, 250]
    assert held(BDI, series, "lost_gain")[-3:] == [True, True, False]
    assert cleared(BDI, series, "lost_gain")[-3:] == [False, False, True]


def test_a_step_that_only_the_next_rating_shows_to_be_no_gain_is_none() -> None:
    # Judged by two ratings after the step it is one, by three it is not.
    series = [300, 300, 300, 200, 210, 300]
    assert sudden_gains(series[:5], cut=BDI_CUT, sign=-1) != []
    assert sudden_gains(series, cut=BDI_CUT, sign=-1) == []
    found = last(BDI, series, "lost_gain")
    assert found is not None
    assert found.inputs == {"best": 200, "latest": 300}


@given(series_of_bdi)
def test_rating_by_rating_it_finds_what_the_whole_series_shows(totals: list[int]) -> None:
    def expected(so_far: list[int]) -> bool:
        *before, latest = so_far
        gains = sudden_gains(so_far, cut=BDI_CUT, sign=-1)
        halves = [so_far[gain.start] + so_far[gain.end] for gain in gains]
        fell = bool(before) and latest - min(before) >= 85
        return fell or any(2 * latest > half for half in halves)

    prefixes = [totals[:end] for end in range(1, len(totals) + 1)]
    assert held(BDI, totals, "lost_gain") == [expected(one) for one in prefixes]


@given(series_of_bdi)
def test_a_sudden_gain_is_marked_once_with_the_rating_that_shows_it(totals: list[int]) -> None:
    def ends(so_far: list[int]) -> set[int]:
        return {gain.end for gain in sudden_gains(so_far, cut=BDI_CUT, sign=-1)}

    prefixes = [totals[:end] for end in range(1, len(totals) + 1)]
    new = [bool(ends(one) - ends(one[:-1])) for one in prefixes]
    assert held(BDI, totals, "sudden_gain") == new


def test_a_gain_that_two_ratings_show_is_not_marked_again_by_the_third() -> None:
    assert held(BDI, GAIN, "sudden_gain") == [False, False, False, False, True, False]
