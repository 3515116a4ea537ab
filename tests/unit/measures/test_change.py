"""Change: thresholds are exact, and tests sit on them."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.intake import AgeGroup
from shared.contracts.outcomes import Change
from shared.measures import (
    Definition,
    Person,
    assess_all,
    class_for,
    default_rules,
    measure,
    reliably_better,
    reliably_worse,
    thresholds_for,
)
from shared.measures.definition import ReliableChange

ORS, SRS, PHQ9, BDI = (measure(key) for key in ("ors", "srs", "phq-9", "bdi"))


def class_of(
    definition: Definition, age_group: AgeGroup, baseline: int, latest: int
) -> Change | None:
    """The class of a change, by the thresholds of such a person."""
    thresholds = thresholds_for(definition, Person(age_group))
    return class_for(definition.sign, *thresholds, baseline, latest)


def index_of(definition: Definition, baseline: int, latest: int) -> float | None:
    """The index that an assessment gives."""
    *_, last = assess_all(definition, default_rules(), [baseline, latest])
    return last.index


@pytest.mark.parametrize(
    ("definition", "before", "reached", "short"),
    [
        (BDI, 200, 290, 280),  # 9 >= 8.46 > 8
        (PHQ9, 100, 160, 150),
        (ORS, 200, 150, 151),
    ],
    ids=["bdi", "phq-9", "ors"],
)
def test_reliably_worse_begins_on_the_threshold(
    definition: Definition, before: int, reached: int, short: int
) -> None:
    assert reliably_worse(definition, before, reached)
    assert not reliably_worse(definition, before, short)
    assert reliably_better(definition, reached, before)
    assert not reliably_better(definition, short, before)


def test_a_threshold_between_two_tenths_is_not_rounded_to_either() -> None:
    # 8.46 points: 8.4 falls short of it, 8.5 reaches it.
    assert not reliably_worse(BDI, 0, 84)
    assert reliably_worse(BDI, 0, 85)


@given(
    st.decimals("0.01", "40", places=2),
    st.sampled_from([">=", ">"]),
    st.integers(0, 400),
)
def test_comparing_tenths_equals_comparing_exact_decimals(
    value: Decimal, reached: str, change: int
) -> None:
    threshold = msgspec.convert(
        {"value": str(value), "reached": reached, "basis": "published"}, ReliableChange
    )
    exact = Decimal(change) / 10
    assert (change >= threshold.tenths) == (exact >= value if reached == ">=" else exact > value)


@pytest.mark.parametrize(
    ("definition", "age_group", "clinical", "functional"),
    [
        (ORS, "adult", 249, 250),
        (ORS, "adolescent", 279, 280),
        (PHQ9, "adult", 100, 90),
        (BDI, "adult", 150, 140),
        (SRS, "child", 359, 360),
    ],
    ids=["ors adult", "ors adolescent", "phq-9", "bdi", "srs"],
)
def test_the_clinical_side_ends_at_the_cutoff(
    definition: Definition, age_group: AgeGroup, clinical: int, functional: int
) -> None:
    cutoff = definition.cutoffs[age_group]
    assert cutoff.is_clinical(clinical)
    assert not cutoff.is_clinical(functional)


@pytest.mark.parametrize(
    ("baseline", "latest", "expected"),
    [
        (249, 300, "recovered"),
        (249, 299, "recovered"),  # a change of exactly 5.0
        (249, 298, "unchanged"),  # 4.9
        (190, 240, "improved"),  # reliable, still clinical
        (250, 300, "improved"),  # was functional already
        (200, 150, "deteriorated"),
        (200, 151, "unchanged"),
    ],
)
def test_classes_of_change_on_the_ors(baseline: int, latest: int, expected: str) -> None:
    assert class_of(ORS, "adult", baseline, latest) == expected


def test_without_a_cutoff_for_the_age_nobody_recovers() -> None:
    assert class_of(ORS, "child", 100, 400) == "improved"


def test_without_a_reliable_change_there_is_no_class() -> None:
    assert class_of(SRS, "adult", 100, 400) is None


def test_the_index_is_raw_and_only_where_norms_give_one() -> None:
    assert index_of(BDI, 200, 300) == pytest.approx(10 / (8.46 / 1.96))
    assert index_of(BDI, 300, 200) == pytest.approx(-10 / (8.46 / 1.96))
    assert index_of(PHQ9, 100, 200) is None
