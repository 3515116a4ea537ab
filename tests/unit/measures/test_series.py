"""A series, rating by rating: the same as the whole, and as if what is void had never been."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.intake import AgeGroup
from shared.contracts.outcomes import Change
from shared.measures import (
    Definition,
    Series,
    assess,
    assess_all,
    measure,
    reliably_better,
    reliably_worse,
)
from shared.measures.change import CRITICAL, has_crossed
from tests.unit.measures.judged import RULES, a_curve

ORS, BDI = measure("ors"), measure("bdi")
CURVE = a_curve()
totals_of_bdi = st.lists(st.integers(0, 63).map(lambda value: value * 10), max_size=24)


@given(totals_of_bdi)
def test_one_after_another_is_the_whole_at_once(totals: list[int]) -> None:
    series, found = Series(), []
    for total in totals:
        # What is remembered survives being packed away between two ratings.
        series = msgspec.msgpack.decode(msgspec.msgpack.encode(series), type=Series)
        series, assessment = assess(BDI, RULES, series, total, curve=CURVE)
        found.append(assessment)
    assert found == list(assess_all(BDI, RULES, totals, curve=CURVE))


@given(totals_of_bdi.filter(bool), st.integers(0, 63))
def test_assessing_leaves_the_series_before_it_as_it_was(totals: list[int], total: int) -> None:
    series = Series()
    for one in totals:
        series, _ = assess(BDI, RULES, series, one)
    packed = msgspec.msgpack.encode(series)
    first = assess(BDI, RULES, series, total * 10)
    assert msgspec.msgpack.encode(series) == packed
    assert assess(BDI, RULES, series, total * 10) == first


def classify(definition: Definition, age: AgeGroup, baseline: int, latest: int) -> Change | None:
    """The class of a change, by the words of Jacobson and Truax."""
    if definition.reliable_change is None:
        return None
    if reliably_worse(definition, baseline, latest):
        return "deteriorated"
    if not reliably_better(definition, baseline, latest):
        return "unchanged"
    return "recovered" if has_crossed(definition.cutoffs.get(age), baseline, latest) else "improved"


def reliable_change_index(definition: Definition, before: int, after: int) -> float | None:
    """(after - before) / S_diff; None without J&T norms."""
    threshold = definition.reliable_change
    if threshold is None or threshold.basis != "jacobson-truax":
        return None
    return (after - before) / 10 / (float(threshold.value) / CRITICAL)


@given(totals_of_bdi.filter(bool), st.sampled_from(["adult", "adolescent", "child"]))
def test_class_and_index_are_those_of_the_formulas(totals: list[int], age: AgeGroup) -> None:
    for definition in (BDI, ORS):
        inside = [min(total, 400) for total in totals]
        first, *others = assess_all(definition, RULES, inside, age_group=age)
        assert (first.classification, first.index) == (None, None)
        for total, one in zip(inside[1:], others, strict=True):
            assert one.classification == classify(definition, age, inside[0], total)
            assert one.index == reliable_change_index(definition, inside[0], total)


@given(totals_of_bdi)
def test_every_rule_that_can_alert_says_yes_or_no_wherever_it_was_evaluated(
    totals: list[int],
) -> None:
    for one in assess_all(BDI, RULES, totals, curve=CURVE):
        said = {verdict.rule for verdict in one.verdicts if verdict.kind != "mark"}
        expected = {"reliable_deterioration", "session_drop", "lost_gain"}
        assert said >= (expected if one.ordinal >= 2 else set())
        assert ("off_track" in said) is (one.ordinal >= 3)
        assert ("stalled" in said) is (one.ordinal >= 10)


@given(totals_of_bdi)
def test_what_does_not_hold_says_nothing_more_and_what_holds_says_why(totals: list[int]) -> None:
    for assessment in assess_all(BDI, RULES, totals, curve=CURVE):
        for one in assessment.verdicts:
            assert bool(one.text) is bool(one.counterfactual) is bool(one.inputs) is one.holds
            assert not (one.holds and one.cleared)


def test_an_unknown_age_group_leaves_class_and_cutoff_out_and_keeps_the_rest() -> None:
    *_, last = assess_all(ORS, RULES, [200, 200, 150], age_group=None)
    assert last.classification is None
    assert {one.rule for one in last.verdicts if one.holds} >= {"reliable_deterioration"}


def test_cutoffs_of_clients_own_ratings_judge_nobody_elses() -> None:
    *_, own = assess_all(ORS, RULES, [200, 300])
    *_, other = assess_all(ORS, RULES, [200, 300], rater="caretaker")
    assert (own.classification, other.classification) == ("recovered", "improved")


def test_what_is_remembered_stays_small() -> None:
    series = Series()
    for number in range(200):
        series, _ = assess(ORS, RULES, series, 100 + number % 90)
    assert len(msgspec.msgpack.encode(series)) < 60
