"""Change: thresholds are exact, and tests sit on them."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.intake import AgeGroup
from shared.measures import (
    Definition,
    classify,
    measure,
    reliable_change_index,
    reliably_better,
    reliably_worse,
)
from shared.measures.definition import ReliableChange

ORS, SRS, PHQ9, BDI = (measure(key) for key in ("ors", "srs", "phq-9", "bdi"))


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
    assert classify(ORS, "adult", baseline, latest) == expected


def test_without_a_cutoff_for_the_age_nobody_recovers() -> None:
    assert classify(ORS, "child", 100, 400) == "improved"


def test_without_a_reliable_change_there_is_no_class() -> None:
    assert classify(SRS, "adult", 100, 400) is None


def test_the_index_is_raw_and_only_where_norms_give_one() -> None:
    assert reliable_change_index(BDI, 200, 300) == pytest.approx(10 / (8.46 / 1.96))
    assert reliable_change_index(BDI, 300, 200) == pytest.approx(-10 / (8.46 / 1.96))
    assert reliable_change_index(PHQ9, 100, 200) is None
