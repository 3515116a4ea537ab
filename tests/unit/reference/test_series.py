"""Ratings in clinical order, and whether their first is a baseline."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from tests.reference import in_series, late_baseline
from tests.reference.exact import exact
from tests.unit.reference.builders import ratings

OPENED = datetime(2026, 1, 1, tzinfo=UTC)


def test_ratings_go_by_when_they_occurred_and_ties_by_when_they_were_recorded() -> None:
    table = pd.DataFrame({"client": "a", "time": [2, 1, 1, 0], "value": [40, 20, 30, 10]})
    assert in_series(table, -1)["value"].tolist() == [10, 20, 30, 40]


def test_a_late_first_rating_moves_the_baseline_and_every_change_after_it() -> None:
    late = pd.DataFrame({"client": "a", "time": [-1], "value": [30.0]})
    series = in_series(pd.concat([ratings(20, 25), late], ignore_index=True), -1)
    assert series["change"].tolist() == [0, exact(10), exact(5)]


def test_a_missing_value_is_no_rating() -> None:
    series = in_series(ratings(None, 20, None, 12), -1)
    assert series["k"].tolist() == [1, 2]
    assert series["change"].tolist() == [0, exact(8)]


def test_improvement_is_positive_on_either_direction() -> None:
    assert in_series(ratings(20, 12), -1)["change"].tolist()[1] == exact(8)
    assert in_series(ratings(20, 12), 1)["change"].tolist()[1] == exact(-8)


def test_the_best_score_is_the_best_of_the_earlier_ones() -> None:
    best = in_series(ratings(20, 12, 15, 8), -1)["best"]
    assert best.isna().tolist() == [True, False, False, False]
    assert best.tolist()[1:] == [exact(20), exact(12), exact(12)]


def test_series_of_several_clients_do_not_touch() -> None:
    series = in_series(pd.concat([ratings(20, 12, client="b"), ratings(5, 9, client="a")]), -1)
    assert series["client"].tolist() == ["b", "b", "a", "a"]
    assert series["k"].tolist() == [1, 2, 1, 2]
    assert series["first"].tolist() == [exact(20), exact(20), exact(5), exact(5)]


def test_a_score_off_its_tenths_is_an_error() -> None:
    with pytest.raises(ValueError, match="not a whole tenth"):
        in_series(ratings(20.05), -1)


@pytest.mark.parametrize(
    ("first_rating", "sessions", "reasons"),
    [
        (timedelta(days=30), [], []),
        (timedelta(days=30, seconds=1), [], ["after_thirty_days"]),
        (timedelta(days=7), [timedelta(0), timedelta(days=7)], []),
        (
            timedelta(days=7, seconds=1),
            [timedelta(days=7), timedelta(0)],
            ["after_second_session"],
        ),
        (timedelta(days=14), [timedelta(days=7)], []),
    ],
)
def test_a_baseline_is_late_after_thirty_days_or_the_second_session(
    first_rating: timedelta, sessions: list[timedelta], reasons: list[str]
) -> None:
    held = [OPENED + session for session in sessions]
    assert late_baseline(OPENED + first_rating, OPENED, held) == reasons
