"""Prompts to talk, and marks on the chart: on their thresholds, and never more than that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.measures import measure
from shared.measures.sawtooth import sawtooth
from tests.unit.measures.judged import RULES, a_curve, held, last, prompted

ORS, SRS, BDI = measure("ors"), measure("srs"), measure("bdi")
STEP = next(rule for rule in RULES.rules if rule.id == "volatile").by_measure["ors"]["step"]


@pytest.mark.parametrize(("score", "prompts"), [(359, True), (360, False)])
def test_a_low_alliance_is_worth_a_question(score: int, prompts: bool) -> None:
    assert held(SRS, [score], "alliance_low") == [prompts]


@pytest.mark.parametrize(("score", "prompts"), [(370, True), (371, False), (390, False)])
def test_a_fall_of_one_point_since_the_last_session_is_worth_a_question(
    score: int, prompts: bool
) -> None:
    assert held(SRS, [400, 380, score], "alliance_drop") == [False, True, prompts]


@pytest.mark.parametrize(
    ("score", "ordinal", "outcome_gain", "prompts"),
    [
        (400, 1, -1, True),
        (400, 3, -1, True),
        (400, 4, -1, False),
        (399, 1, -1, False),
        (400, 1, 0, False),
        (400, 1, None, False),
    ],
)
def test_the_best_alliance_there_is_early_on_while_things_get_worse(
    score: int, ordinal: int, outcome_gain: int | None, prompts: bool
) -> None:
    assert prompted(score, ordinal, outcome_gain) is prompts


def test_prompts_are_never_of_a_kind_that_alerts() -> None:
    for rule in RULES.rules:
        if rule.id.startswith("alliance"):
            assert (rule.kind, rule.severity) == ("prompt", "info")


SAW = [200, 260, 200, 260, 200]


@pytest.mark.parametrize(
    ("series", "marked"),
    [
        (SAW, True),
        ([200, 260, 200, 260, 201], False),
        (SAW[:4], False),
        ([200, 260, 320, 260, 200], False),
        ([200, 260, 230, 200, 260, 200, 260], False),
    ],
    ids=["a saw", "a tenth short", "four ratings", "one turn", "small steps between"],
)
def test_a_sawtooth_takes_four_large_steps_each_against_the_one_before(
    series: list[int], marked: bool
) -> None:
    assert held(ORS, series, "volatile")[-1] is marked


@given(st.lists(st.integers(0, 8).map(lambda value: 50 * value), min_size=5, max_size=12))
def test_the_mark_is_that_of_the_whole_series(totals: list[int]) -> None:
    assert held(ORS, totals, "volatile")[-1] is sawtooth(totals, step=STEP)


def test_only_the_ors_has_a_step_that_makes_a_sawtooth() -> None:
    assert not any(held(BDI, [100, 400, 100, 400, 100, 400], "volatile"))


@pytest.mark.parametrize(("baseline", "marked"), [(249, False), (250, True)])
def test_a_first_rating_on_the_functional_side_is_marked(baseline: int, marked: bool) -> None:
    assert held(ORS, [baseline, 400], "intake_above_cutoff") == [marked, False]


@pytest.mark.parametrize(("baseline", "marked"), [(320, False), (321, True)])
def test_a_first_rating_beyond_32_is_marked_on_the_ors(baseline: int, marked: bool) -> None:
    assert held(ORS, [baseline, 400], "intake_over_32") == [marked, False]


@pytest.mark.parametrize(
    ("series", "marked"),
    [
        ([200, 250, 250], True),
        ([200, 249, 250], False),
        ([200, 250, 249], False),
        ([201, 250, 250], False),
        ([201, 251, 251], True),
        ([200, 250, 200, 250], False),
    ],
)
def test_the_target_is_reached_reliably_better_on_the_functional_side_twice_running(
    series: list[int], marked: bool
) -> None:
    assert held(ORS, series, "target_reached")[-1] is marked


@pytest.mark.parametrize(("latest", "marked"), [(130, True), (140, False)])
def test_the_plateau_of_a_fitted_curve_is_a_target_too(latest: int, marked: bool) -> None:
    # From 20 to 18 - 2.5 ln 8 + 0 = 12.8 is not reached by 13; from 20.4 on it is 13.2.
    curve = a_curve(longest=8, intercept=18.4)
    assert held(BDI, [200, latest, latest], "target_reached", curve=curve)[-1] is marked
    seed = a_curve(longest=8, intercept=18.4, kind="seed")
    assert not any(held(BDI, [200, 130, 130], "target_reached", curve=seed))


def test_a_mark_is_told_only_where_it_holds() -> None:
    assert last(ORS, [200, 250], "target_reached") is None
