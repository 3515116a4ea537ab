"""Sudden gains and losses against the tables that the suddengains package tests itself with."""

import numpy as np
import pandas as pd
import pytest

from tests.reference import gains, losses
from tests.reference.exact import exact

CUT = exact(7)
NA = np.nan


def wide(*rows: list[float]) -> pd.DataFrame:
    """A row a client from 1, columns named by session from 1."""
    table = pd.DataFrame(list(rows), index=range(1, len(rows) + 1))
    table.columns = pd.Index(range(1, table.shape[1] + 1))
    return table


def found(table: pd.DataFrame) -> list[tuple[int, int, float, bool]]:
    """Client, session N, size, reversed."""
    kept = table[["client", "from", "size", "reversed"]]
    return list(kept.itertuples(index=False, name=None))


BY_GAIN = wide(
    [35, 37, 34, 23, 24, 21, 29, 17, 11, 11, 10, 7],
    [26, NA, 26, NA, 27, 17, 19, 11, 10, 3, NA, 7],
    [35, 38, 35, 37, 36, 37, NA, 35, 26, 24, NA, 19],
    [31, 30, 32, 22, 22, 20, 21, 19, 24, 33, 30, 28],
    [39, 37, 36, 26, 26, 23, 21, 19, 6, 7, 8, 8],
    [37, NA, 23, NA, 23, 21, NA, NA, 19, NA, 16, 13],
    [37, NA, 23, 21, NA, 21, NA, NA, NA, NA, NA, 20],
    [41, 37, NA, NA, NA, NA, NA, NA, NA, NA, NA, NA],
    [35, 34, 32, 23, 24, 22, 21, 17, 14, 10, 13, 11],
    [35, 35, 25, 25, 17, 17, 16, 16, 11, 9, 7, 8],
    [40, NA, 36, 37, 36, 37, NA, 34, 26, 25, NA, 19],
    [38, 38, 31, 23, 21, 22, 24, 25, 30, 31, NA, 25],
    [34, 33, 36, 23, 25, 23, 19, 18, 10, 9, 8, 9],
    [39, 37, 23, NA, 23, 21, NA, NA, 21, NA, 16, 14],
    [28, 19, 23, 12, 13, NA, 13, NA, NA, NA, NA, 22],
    [25, NA, NA, NA, NA, NA, NA, NA, NA, NA, NA, 20],
    [41, 37, NA, NA, NA, NA, NA, NA, NA, NA, NA, NA],
    [NA, 38, 35, 24, NA, 22, 17, 16, NA, 9, 11, 13],
)
"""`test-create_bysg.R` of suddengains (MIT), sessions 1 to 12."""


def test_the_gains_sizes_and_reversals_of_the_package() -> None:
    assert found(gains(BY_GAIN, CUT, -1)) == [
        (1, 3, 11, True),
        (1, 7, 12, False),
        (3, 8, 9, False),
        (4, 3, 10, True),
        (5, 3, 10, False),
        (5, 8, 13, False),
        (9, 3, 9, False),
        (10, 2, 10, False),
        (10, 4, 8, False),
        (12, 3, 8, True),
        (13, 3, 13, False),
        (13, 8, 8, False),
        (14, 2, 14, False),
        (18, 3, 11, False),
    ]


def test_the_criteria_table_of_the_package() -> None:
    """`test-identify_sg.R`: a missing N or N+1 and a third criterion not met give no gain."""
    table = wide(
        [28, 19, 23, 12, 13, NA],
        [28, 19, 23, 11, 12, NA],
        [28, 19, NA, 12, 13, NA],
        [28, 19, 23, 12, 14, NA],
        [28, 25, 28, 11, 12, NA],
        [NA, 26, 28, NA, 12, 11],
    )
    assert [(row[0], row[1]) for row in found(gains(table, CUT, -1))] == [(2, 3), (5, 3)]


def test_the_losses_of_the_package() -> None:
    """`test-identify_sl.R`."""
    table = wide(
        [10, 11, 12, 30, 28, 33],
        [10, 11, 12, 10, 28, 33],
        [10, 11, 30, 30, 28, 33],
        [35, 37, 34, 23, 24, 21],
    )
    assert [(row[0], row[1]) for row in found(losses(table, CUT, -1))] == [(1, 3), (2, 4), (3, 2)]


def test_a_loss_is_a_gain_of_the_opposite_direction() -> None:
    pd.testing.assert_frame_equal(losses(BY_GAIN, CUT, 1), gains(BY_GAIN, CUT, -1))


def test_a_loss_below_a_quarter_of_the_score_before_is_none() -> None:
    loss = wide([40, 40, 49.9, 50], [40, 40, 50, 50])
    assert [row[0] for row in found(losses(loss, CUT, -1))] == [2]


def test_a_step_counts_at_the_cut_and_not_one_tenth_below() -> None:
    table = wide([20, 20, 13, 13], [20, 20, 13.1, 13.1])
    assert [row[0] for row in found(gains(table, CUT, -1))] == [1]


def test_the_first_step_cannot_be_tested_nor_can_the_last() -> None:
    assert gains(wide([30, 10, 10, 10], [30, 30, 30, 10]), CUT, -1).empty


@pytest.mark.parametrize(("later", "is_reversed"), [(15, False), (15.1, True)])
def test_a_gain_is_reversed_beyond_half_of_its_step(later: float, is_reversed: bool) -> None:
    table = wide([20, 20, 10, 10, 10, later])
    assert found(gains(table, CUT, -1)) == [(1, 2, 10, is_reversed)]


def test_no_gain_where_the_scores_scatter_as_widely_as_they_shift() -> None:
    assert gains(wide([30, 10, 22, 12, 25, 10]), CUT, -1).empty
