"""The scoring of each form that ships: reversals, domains, what does not apply, missing items."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.measures import measure, newest, score
from tests.unit.measures.builders import answers, codes

PHQ9, CORE10, COREOM, GAD7, WHO5, WSAS, GBO = (
    measure(key) for key in ("phq-9", "core-10", "core-om", "gad-7", "who-5", "wsas", "gbo")
)
WITH_ITEMS = [one for one in newest().values() if one.items]


def test_all_zero_on_the_core_10_counts_its_two_reversed_items_full() -> None:
    assert score(CORE10, answers(CORE10, 0)).total == 80
    assert score(CORE10, answers(CORE10, 40)).total == 320
    assert score(CORE10, answers(CORE10, 0) | {"2": 40, "3": 40}).total == 0


def test_answers_are_kept_as_they_were_given_also_of_reversed_items() -> None:
    given_answers = answers(CORE10, 10)
    assert score(CORE10, given_answers).items == given_answers


@pytest.mark.parametrize(
    ("without", "total"),
    # nine items: 12 / 9 x 10 = 13.33; item 2 was worth 3: 11 / 9 x 10 = 12.22
    [((), 140), ((2,), 122), ((4,), 144), ((2, 4), None)],
)
def test_the_core_10_is_prorated_for_one_missing_item(
    without: tuple[int, ...], total: int | None
) -> None:
    assert score(CORE10, answers(CORE10, 10, without=without)).total == total


def test_the_core_om_gives_four_domains_by_the_mean_times_ten() -> None:
    # Ones everywhere: a reversed item counts 3. Wellbeing has 2 of 4, problems none of 12,
    # functioning 6 of 12, risk none of 6; in all (26 + 8 x 3) / 34 x 10 = 14.71.
    scored = score(COREOM, answers(COREOM, 10))
    assert scored.total == 147
    assert scored.subscales == {"wellbeing": 200, "problems": 100, "functioning": 200, "risk": 100}


@pytest.mark.parametrize(
    ("without", "total", "domains", "flags"),
    [
        ((1,), True, "wellbeing problems functioning risk", ["prorated"]),
        ((1, 2), True, "wellbeing problems functioning risk", ["prorated"]),
        ((1, 3), True, "wellbeing problems risk", ["prorated"]),
        ((4,), True, "problems functioning risk", ["prorated"]),
        ((6, 9, 16), True, "wellbeing problems functioning", ["prorated"]),
        ((1, 3, 7, 10), False, "wellbeing problems risk", ["incomplete"]),
        ((1, 2, 4, 6), False, "problems functioning", ["incomplete", "prorated"]),
    ],
)
def test_each_domain_of_the_core_om_has_its_own_rule_of_missing_items(
    without: tuple[int, ...], total: bool, domains: str, flags: list[str]
) -> None:
    scored = score(COREOM, answers(COREOM, 20, without=without))
    assert (scored.total is not None) == total
    assert set(scored.subscales) == set(domains.split())
    assert scored.flags == flags


def test_the_risk_items_of_a_core_om_that_cannot_be_scored_are_reported() -> None:
    scored = score(COREOM, {"6": 10, "34": 20})
    assert scored.total is None
    assert {risk.item: (risk.target, risk.value) for risk in scored.risk} == {
        "6": ("others", 10),
        "9": ("self", None),
        "16": ("self", None),
        "22": ("others", None),
        "24": ("self", None),
        "34": ("self", 20),
    }


def test_the_gad7_is_prorated_for_one_missing_item_and_no_more() -> None:
    assert score(GAD7, answers(GAD7, 0, without=(1,)) | {"2": 30}).total == 40  # 3 x 7 / 6 = 3.5
    assert score(GAD7, answers(GAD7, 10, without=(1, 2))).total is None


def test_the_who5_is_the_raw_sum_times_four() -> None:
    assert score(WHO5, answers(WHO5, 50)).total == 1000
    assert score(WHO5, answers(WHO5, 20) | {"5": 50}).total == 520
    assert score(WHO5, answers(WHO5, 20, without=(1,))).total is None


def test_a_raw_sum_is_no_total_of_the_who5() -> None:
    with pytest.raises(Invalid) as refusal:
        score(WHO5, total=130)
    assert codes(refusal) == {"/total": "off_step"}


def test_who_does_not_work_by_choice_is_scored_on_four_items_that_are_not_rescaled() -> None:
    home = {str(item): 80 for item in (2, 3, 4, 5)}
    scored = score(WSAS, home | {"not_working": 10})
    assert (scored.total, scored.flags) == (320, ["not_working"])
    assert score(WSAS, home | {"not_working": 10, "1": 80}).total == 320
    assert score(WSAS, home | {"not_working": 0, "1": 80}).total == 400


def test_a_work_item_that_is_only_missing_leaves_no_score() -> None:
    home = {str(item): 40 for item in (2, 3, 4, 5)}
    assert score(WSAS, home).flags == ["incomplete"]
    assert score(WSAS, home | {"not_working": 0}).flags == ["incomplete"]
    del home["5"]
    assert score(WSAS, home | {"not_working": 10}).flags == ["not_working", "incomplete"]


def test_goals_that_were_not_set_are_not_missing() -> None:
    assert score(GBO, {"1": 30}).total == 30
    assert score(GBO, {"1": 30, "2": 40}).total == 35
    scored = score(GBO, {"1": 30, "2": 40, "3": 40})
    assert (scored.total, scored.flags) == (37, [])  # 3.67


def test_an_unscored_answer_alone_makes_no_score() -> None:
    assert score(PHQ9, {"10": 30}).flags == ["incomplete"]
    assert score(WSAS, {"not_working": 10}).total is None


@given(st.data())
def test_a_worse_answer_never_makes_the_score_better(data: st.DataObject) -> None:
    definition = data.draw(st.sampled_from(WITH_ITEMS))
    drawn = {
        item.id: data.draw(st.sampled_from(item.grid), label=item.id)
        for item in definition.items
        if item.scored and item.id not in definition.missing.never
    }
    gone = data.draw(st.sets(st.sampled_from(sorted(drawn)), max_size=definition.missing.most))
    drawn |= {item: definition.grids[item][0] for item in definition.missing.never}
    form = {item: value for item, value in drawn.items() if item not in gone}
    item = data.draw(st.sampled_from(sorted(form)))
    higher = form | {item: definition.grids[item][-1]}
    before, after = score(definition, form), score(definition, higher)
    assert before.total is not None
    assert after.total is not None
    assert before.total in definition.total.grid
    if item in definition.turned:
        assert after.total <= before.total
    else:
        assert after.total >= before.total
    for key, value in after.subscales.items():
        assert value in definition.parts[key].grid


@given(st.data())
def test_prorating_lies_between_the_worst_and_the_best_that_was_missing(
    data: st.DataObject,
) -> None:
    definition = data.draw(st.sampled_from([one for one in WITH_ITEMS if one.missing.most]))
    whole = {
        item.id: data.draw(st.sampled_from(item.grid)) for item in definition.items if item.scored
    }
    free = sorted(definition.scored - set(definition.missing.never))
    gone = data.draw(st.sets(st.sampled_from(free), min_size=1, max_size=definition.missing.most))
    kept = {item: value for item, value in whole.items() if item not in gone}
    scored = score(definition, kept)
    ends = sorted(
        total
        for total in (
            score(
                definition,
                kept | {item: definition.grids[item][-1 if item in turned else 0] for item in gone},
            ).total
            for turned in (definition.turned, set(definition.scored) - definition.turned.keys())
        )
        if total is not None
    )
    assert scored.total is not None
    assert scored.flags == ["prorated"]
    assert ends[0] <= scored.total <= ends[1]
