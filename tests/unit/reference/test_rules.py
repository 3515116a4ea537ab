"""Each rule on ratings at its thresholds, one tenth either side."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import pytest

from tests.reference import Curve, Definition, evaluate
from tests.unit.reference.builders import BDI, ORS, ratings

CURVE = Curve(
    b0=20, b1=0, b2=0, b3=0, mean_baseline=20, g00=0, g01=0, g11=0, sigma=10 / 1.2815515655446004
)
"""Expects 20 whatever came before, with its worst tenth above 30 (where less is better)."""
TWENTY_FIFTH = 25.2  # 20 + 10·(.6745/1.2816) = 25.263


def judged(
    rule: str, values: Sequence[float], definition: Definition = BDI, curve: Curve | None = None
) -> list[bool | None]:
    """What `rule` says at each rating; None where it was not evaluated."""
    column = evaluate(ratings(*values), definition, curve)[rule]
    return [None if pd.isna(holds) else bool(holds) for holds in column]


def test_reliable_deterioration_holds_at_the_reliable_change() -> None:
    assert judged("reliable_deterioration", [20, 28.4, 28.5]) == [None, False, True]
    assert judged("reliable_deterioration", [20, 15, 15.1], ORS) == [None, True, False]


def test_a_session_drop_is_from_the_rating_before() -> None:
    assert judged("session_drop", [30, 20, 28.4, 20, 28.5]) == [None, False, False, False, True]
    assert judged("session_drop", [30, 25, 20.1], ORS) == [None, True, False]


def test_no_early_change_is_asked_at_the_third_and_sixth_rating_only() -> None:
    unchanged = [20.0] * 7
    assert judged("no_early_change", unchanged) == [None, None, True, None, None, True, None]


@pytest.mark.parametrize(("third", "holds"), [(11.6, True), (11.5, False)])
def test_no_early_change_ends_at_a_reliable_change(third: float, holds: bool) -> None:
    assert judged("no_early_change", [20, 20, third])[2] is holds


@pytest.mark.parametrize(("baseline", "holds"), [(14.2, False), (14.3, True)])
def test_no_early_change_asks_only_who_began_on_the_clinical_side(
    baseline: float, holds: bool
) -> None:
    assert judged("no_early_change", [baseline] * 3)[2] is holds


@pytest.mark.parametrize(("baseline", "holds"), [(8.4, False), (8.5, True)])
def test_no_early_change_asks_only_who_has_room_to_improve(baseline: float, holds: bool) -> None:
    low_cutoff = replace(BDI, cutoff=5)
    assert judged("no_early_change", [baseline] * 3, low_cutoff)[2] is holds


def test_room_for_exactly_the_reliable_change_is_room() -> None:
    high_cutoff = replace(ORS, cutoff=38)
    assert judged("no_early_change", [35] * 3, high_cutoff)[2] is True
    assert judged("no_early_change", [35.1] * 3, high_cutoff)[2] is False


@pytest.mark.parametrize(("at_cutoff", "holds"), [(True, True), (False, False)])
def test_the_definition_says_on_which_side_the_cutoff_itself_lies(
    at_cutoff: bool, holds: bool
) -> None:
    definition = replace(ORS, clinical_at_cutoff=at_cutoff)
    assert judged("no_early_change", [25] * 3, definition)[2] is holds


def test_stalled_is_asked_from_the_tenth_rating_on() -> None:
    assert judged("stalled", [20] * 11) == [None] * 9 + [True, True]


@pytest.mark.parametrize(("best", "holds"), [(20, True), (19.9, False)])
def test_a_gain_above_the_reliable_change_in_the_last_five_is_no_standstill(
    best: float, holds: bool
) -> None:
    definition = replace(BDI, reliable_change=8)
    assert judged("stalled", [24] * 6 + [28, 26, best, 24], definition)[9] is holds


def test_a_gain_before_the_last_five_does_not_count() -> None:
    assert judged("stalled", [20] * 4 + [30, 20, 20, 20, 20, 20])[9] is True


@pytest.mark.parametrize(("last", "holds"), [(18.4, False), (18.5, True)])
def test_a_gain_is_lost_by_a_reliable_change_from_the_best_score(last: float, holds: bool) -> None:
    assert judged("lost_gain", [25, 10, 15, last])[3] is holds


def test_a_loss_of_exactly_the_reliable_change_is_a_lost_gain() -> None:
    assert judged("lost_gain", [20, 30, 27, 25], ORS) == [None, False, False, True]


@pytest.mark.parametrize(("last", "holds"), [(15.0, False), (15.1, True)])
def test_a_gain_is_lost_where_a_sudden_gain_is_reversed(last: float, holds: bool) -> None:
    assert judged("lost_gain", [20, 20, 10, 10, 10, last])[5] is holds


def test_a_later_rating_never_makes_an_earlier_one_a_reversal() -> None:
    """The shift of mean shows only with the fourth rating, so the third cannot reverse it."""
    values = [20.0, 20, 10, 10, 10, 15.1]
    whole = judged("lost_gain", values)
    assert whole == [judged("lost_gain", values[:end])[-1] for end in range(1, len(values) + 1)]


def test_four_large_steps_that_change_direction_are_volatile() -> None:
    assert judged("volatile", [20, 26, 20, 26, 20], ORS)[4] is True
    assert judged("volatile", [20, 26, 20, 26, 20.1], ORS)[4] is False


def test_steps_in_one_direction_and_small_steps_are_not_volatile() -> None:
    assert judged("volatile", [10, 16, 22, 28, 34, 28], ORS)[5] is False
    assert judged("volatile", [20, 26, 25, 18, 24, 23, 16], ORS)[4:] == [False, False, True]


def test_volatility_is_not_evaluated_where_the_measure_has_no_step_for_it() -> None:
    assert judged("volatile", [20, 40, 20, 40, 20]) == [None] * 5


def test_the_target_is_reached_twice_running() -> None:
    assert judged("target_reached", [20, 25, 25, 24.9, 25], ORS) == [
        None,
        False,
        True,
        False,
        False,
    ]


def test_the_functional_side_without_a_reliable_change_is_no_target() -> None:
    assert judged("target_reached", [22, 26.9, 26.9], ORS) == [None, False, False]


def test_a_target_counts_without_a_reliable_change() -> None:
    assert judged("target_reached", [22, 24, 24], replace(ORS, target=24))[2] is True
    assert judged("target_reached", [22, 24, 23.9], replace(ORS, target=24))[2] is False


def test_an_intake_on_the_functional_side_is_marked_at_the_baseline() -> None:
    assert judged("intake_above_cutoff", [14.2, 20]) == [True, None]
    assert judged("intake_above_cutoff", [14.3, 10]) == [False, None]


def test_off_track_needs_two_ratings_running_beyond_the_25th_percentile() -> None:
    low, high = TWENTY_FIFTH, TWENTY_FIFTH + 0.1
    values = [20, high, high, low, high, high]
    expected = [None, None, True, False, False, True]
    assert judged("off_track", values, curve=CURVE) == expected


def test_off_track_is_high_where_both_are_beyond_the_10th() -> None:
    table = evaluate(ratings(20, 30.1, 30.1, 26, 30.1), BDI, CURVE)
    assert table["off_track_severity"].fillna("none").tolist() == [
        "none",
        "none",
        "high",
        "medium",
        "medium",
    ]


def test_a_seed_curve_and_a_late_baseline_never_put_anybody_off_track() -> None:
    seed = evaluate(ratings(20, 40, 40), BDI, replace(CURVE, seed=True))
    late = evaluate(ratings(20, 40, 40), BDI, CURVE, late_baselines=["a"])
    assert seed["off_track"].isna().all()
    assert late["off_track"].isna().all()
    assert late["reliable_deterioration"].tolist()[1:] == [True, True]


def test_without_thresholds_nothing_is_evaluated() -> None:
    table = evaluate(ratings(*[20.0] * 12), Definition(-1, 0, 63))
    rules = [column for column in table if table[column].dtype == "boolean"]
    assert len(rules) == 9
    assert table[rules].isna().all(axis=None)
