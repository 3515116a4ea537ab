"""From answers to a score: at every boundary, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.feedback import RiskFlag
from shared.errors import Invalid, NotFound
from shared.measures import Definition, measure, newest, score
from tests.unit.measures.builders import answers, codes

ORS, SRS, PHQ9, BDI = (measure(key) for key in ("ors", "srs", "phq-9", "bdi"))


def test_every_measure_that_is_promised_ships() -> None:
    fixed = "ors cors srs csrs gsrs phq-9 gad-7 core-10 core-om oq-45 wsas who-5 bdi bdi-ii gbo"
    totals = "pcl-5 dass-21 k10 reqol-10 swemwbs"
    assert set(newest()) == {*fixed.split(), *totals.split()}


def test_an_unknown_measure_is_not_found() -> None:
    with pytest.raises(NotFound):
        measure("mood-ring")


def test_licensed_forms_ship_without_their_wording() -> None:
    for definition in newest().values():
        if definition.licence.ships == "scoring":
            assert definition.wording == {}
            assert all(len(item.axis) < 30 for item in definition.items)


@pytest.mark.parametrize("definition", newest().values(), ids=lambda one: one.key)
def test_the_ends_of_the_scale_are_taken_and_a_tenth_beyond_is_refused(
    definition: Definition,
) -> None:
    grid = definition.total.grid
    assert score(definition, total=grid[0]).total == grid[0]
    assert score(definition, total=grid[-1]).total == grid[-1]
    for beyond in (grid[0] - 1, grid[-1] + 1, grid[-1] + grid.step):
        with pytest.raises(Invalid) as refusal:
            score(definition, total=beyond)
        assert codes(refusal) == {"/total": "out_of_range"}


def test_a_total_off_its_step_is_refused() -> None:
    with pytest.raises(Invalid) as refusal:
        score(PHQ9, total=105)
    assert codes(refusal) == {"/total": "off_step"}
    assert score(ORS, total=105).total == 105


def test_items_sum_to_the_total() -> None:
    assert score(ORS, {"1": 45, "2": 38, "3": 51, "4": 42}).total == 176


def test_every_wrong_item_is_named_and_none_of_its_words() -> None:
    with pytest.raises(Invalid) as refusal:
        score(PHQ9, {"1": 31, "2": 5, "3": 10, "her words": 10})
    assert codes(refusal) == {
        "/items/1": "out_of_range",
        "/items/2": "off_step",
        "/items": "unknown_item",
    }
    assert "her words" not in repr(refusal.value.errors)


def test_a_rating_has_items_or_a_total() -> None:
    for items, total in ((None, None), ({"1": 10}, 10)):
        with pytest.raises(Invalid) as refusal:
            score(ORS, items, total)
        assert codes(refusal) == {"/items": "items_xor_total"}


def test_no_answer_at_all_is_no_rating() -> None:
    with pytest.raises(Invalid):
        score(ORS, {})


def test_a_measure_of_totals_takes_no_items() -> None:
    with pytest.raises(Invalid) as refusal:
        score(BDI, {"1": 10})
    assert codes(refusal) == {"/items": "totals_only"}


def test_a_skipped_line_of_the_ors_is_not_zero_it_leaves_no_score() -> None:
    scored = score(ORS, answers(ORS, 50, without=(3,)))
    assert (scored.total, scored.flags) == (None, ["incomplete"])


@pytest.mark.parametrize(
    ("without", "total"),
    [((), 90), ((1,), 90), ((1, 2), 90), ((1, 2, 3), None), ((9,), None), ((1, 9), None)],
)
def test_the_phq9_is_prorated_for_two_missing_items_but_never_the_ninth(
    without: tuple[int, ...], total: int | None
) -> None:
    scored = score(PHQ9, answers(PHQ9, 10, without=without))
    assert scored.total == total
    assert scored.flags == (["incomplete"] if total is None else ["prorated"] if without else [])


@pytest.mark.parametrize(
    ("sum_of_eight", "total"),
    # sum x 9 / 8, half up: 4.5 -> 5, 3.375 -> 3, 13.5 -> 14, 14.625 -> 15
    [(4, 50), (3, 30), (12, 140), (13, 150)],
)
def test_prorating_rounds_half_up(sum_of_eight: int, total: int) -> None:
    items = answers(PHQ9, 0, without=(1,))
    left = sum_of_eight
    for item in items:
        items[item] = min(left, 3) * 10
        left -= min(left, 3)
    assert score(PHQ9, items).total == total


def test_two_missing_items_prorate_by_seven() -> None:
    items = answers(PHQ9, 0, without=(1, 2)) | {"3": 30, "4": 20}
    assert score(PHQ9, items).total == 60  # 5 x 9 / 7 = 6.43


def test_the_tenth_item_of_the_phq9_is_taken_and_not_counted() -> None:
    assert score(PHQ9, answers(PHQ9, 10) | {"10": 30}).total == 90


@pytest.mark.parametrize("value", [0, 10, 20, 30, None])
def test_the_risk_item_is_reported_as_answered_zero_and_skipped_too(value: int | None) -> None:
    items = answers(PHQ9, 0, without=(9,)) | ({} if value is None else {"9": value})
    assert score(PHQ9, items).risk == [RiskFlag("9", "self", value)]


def test_the_risk_item_is_reported_also_from_a_form_that_cannot_be_scored() -> None:
    scored = score(PHQ9, {"9": 20})
    assert (scored.total, scored.risk) == (None, [RiskFlag("9", "self", 20)])


def test_a_total_alone_says_that_the_risk_item_did_not_come() -> None:
    for definition in (PHQ9, BDI):
        scored = score(definition, total=100)
        assert (scored.risk, scored.flags) == ([], ["risk_not_received"])
    assert score(ORS, total=100).flags == []


@given(st.lists(st.integers(0, 3), min_size=9, max_size=9), st.integers(0, 8))
def test_a_higher_answer_never_lowers_the_score(values: list[int], which: int) -> None:
    items = {str(n): value * 10 for n, value in enumerate(values, 1)}
    higher = items | {str(which + 1): 30}
    before, after = score(PHQ9, items).total, score(PHQ9, higher).total
    assert before is not None
    assert after is not None
    assert before <= after


@given(st.sets(st.integers(1, 8), max_size=2), st.integers(0, 3))
def test_prorating_equal_answers_gives_what_the_whole_form_would(
    without: set[int], value: int
) -> None:
    whole = score(PHQ9, answers(PHQ9, value * 10)).total
    assert score(PHQ9, answers(PHQ9, value * 10, without=tuple(without))).total == whole
