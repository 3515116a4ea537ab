"""The rules on a series: when they hold, when they are over, and what they say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.outcomes import Assessment, Verdict
from shared.measures import Definition, assess_all, default_rules, measure
from shared.measures.rules import last_spared

ORS, SRS, PHQ9, BDI = (measure(key) for key in ("ors", "srs", "phq-9", "bdi"))
RULES = default_rules()
totals_of_ors = st.lists(st.integers(0, 400), min_size=1, max_size=20)


def assessed(definition: Definition, *totals: int) -> list[Assessment]:
    return list(assess_all(definition, RULES, totals))


def verdict(assessment: Assessment, rule: str) -> Verdict:
    [found] = [one for one in assessment.verdicts if one.rule == rule]
    return found


def test_the_first_rating_is_the_baseline_and_no_rule_is_evaluated_on_it() -> None:
    [first] = assessed(ORS, 200)
    assert (first.baseline, first.change, first.ordinal) == (200, 0, 1)
    assert (first.verdicts, first.classification, first.index) == ([], None, None)


def test_a_measure_of_the_alliance_gives_prompts_and_nothing_that_alerts() -> None:
    assert {one.kind for found in assessed(SRS, 400, 100) for one in found.verdicts} == {"prompt"}


@pytest.mark.parametrize(
    ("definition", "latest", "holds"),
    [(ORS, 150, True), (ORS, 151, False), (PHQ9, 260, True), (PHQ9, 250, False)],
)
def test_reliable_deterioration_holds_from_the_threshold_on(
    definition: Definition, latest: int, holds: bool
) -> None:
    found = verdict(assessed(definition, 200, 200, latest)[-1], "reliable_deterioration")
    assert found.holds is holds
    assert (found.kind, found.severity) == ("state", "high")
    assert found.inputs == ({"baseline": 200, "latest": latest} if holds else {})


def test_it_counts_from_the_first_rating_and_a_drop_from_the_one_before() -> None:
    *_, last = assessed(ORS, 200, 300, 240)
    assert not verdict(last, "reliable_deterioration").holds
    assert verdict(last, "session_drop").holds


def test_a_verdict_that_holds_says_why_and_what_would_not_have_fired() -> None:
    found = verdict(assessed(BDI, 200, 290)[-1], "reliable_deterioration")
    assert "29, worse by 9 than the first rating (20)" in found.text
    assert found.counterfactual == "At 28 or below it would not have fired."
    assert found.thresholds == {"reliable_change": "8.46"}


def test_a_drop_is_over_once_the_score_is_back_within_the_threshold_of_where_it_was() -> None:
    series = assessed(ORS, 300, 240, 249, 250, 251)
    drops = [verdict(one, "session_drop") for one in series[1:]]
    assert [one.holds for one in drops] == [True, False, False, False]
    # 24.9 and 25.0 are still 5 below the 30.0 of before; 25.1 is not.
    assert [one.cleared for one in drops] == [False, False, False, True]


def test_a_second_drop_does_not_move_where_it_was_before_the_first() -> None:
    drops = [verdict(one, "session_drop") for one in assessed(ORS, 300, 250, 200, 240, 260)[1:]]
    assert [one.holds for one in drops] == [True, True, False, False]
    assert [one.inputs.get("before_fall") for one in drops] == [None, 300, None, None]
    assert [one.cleared for one in drops] == [False, False, False, True]


def test_verdicts_of_other_than_the_primary_measure_are_marks() -> None:
    *_, last = assess_all(ORS, RULES, [200, 100], primary=False)
    assert {one.kind for one in last.verdicts} == {"mark"}


def test_a_late_baseline_takes_the_classification_away_and_says_so() -> None:
    *_, last = assess_all(ORS, RULES, [200, 300], late_baseline=True)
    assert (last.classification, last.flags) == (None, ["late_baseline"])


@given(totals_of_ors)
def test_a_drop_never_holds_and_is_over_at_once(totals: list[int]) -> None:
    for one in assessed(ORS, *totals)[1:]:
        found = verdict(one, "session_drop")
        assert not (found.holds and found.cleared)


@given(totals_of_ors, st.data())
def test_the_counterfactual_is_the_worst_score_that_would_not_have_fired(
    totals: list[int], data: st.DataObject
) -> None:
    before = data.draw(st.integers(50, 400))
    spared = last_spared(ORS, before - 50)
    assert not verdict(assessed(ORS, before, spared)[-1], "reliable_deterioration").holds
    assert verdict(assessed(ORS, before, spared - 1)[-1], "reliable_deterioration").holds


@given(totals_of_ors, st.integers(0, 400))
def test_worse_scores_never_make_a_deterioration_go_away(totals: list[int], worse: int) -> None:
    last = verdict_of_last(totals)
    lower = verdict_of_last([*totals[:-1], min(totals[-1], worse)])
    assert lower >= last


def verdict_of_last(totals: list[int]) -> bool:
    return (
        any(
            one.holds and one.rule == "reliable_deterioration"
            for one in assessed(ORS, *totals)[-1].verdicts
        )
        and len(totals) > 1
    )
