"""No early change, stalled and off track: at their ratings, on their thresholds, until over."""

from decimal import Decimal

import msgspec
import pytest

from shared.measures import measure
from shared.measures.definition import Cutoff
from tests.unit.measures.judged import a_curve, cleared, held, last, verdicts

ORS, BDI, PHQ9 = measure("ors"), measure("bdi"), measure("phq-9")


@pytest.mark.parametrize(("latest", "holds"), [(249, True), (250, False), (150, True)])
def test_no_early_change_holds_short_of_the_reliable_change(latest: int, holds: bool) -> None:
    assert held(ORS, [200, 200, latest], "no_early_change")[-1] is holds


def test_it_is_looked_at_with_the_third_and_the_sixth_rating_alone() -> None:
    found = verdicts(ORS, [200] * 8, "no_early_change")
    assert [one is not None for one in found] == [
        False,
        False,
        True,
        False,
        False,
        True,
        *[False] * 2,
    ]


def test_it_is_over_with_the_first_rating_that_is_reliably_better() -> None:
    series = [200, 200, 200, 249, 250, 200, 300]
    assert held(ORS, series, "no_early_change") == [False, False, True, False, False, True, False]
    assert cleared(ORS, series, "no_early_change") == [*[False] * 4, True, False, True]


def test_it_is_over_once_and_not_with_every_good_rating_after() -> None:
    series = [200, 200, 200, 250, 260]
    assert cleared(ORS, series, "no_early_change") == [False, False, False, True, False]


@pytest.mark.parametrize(("baseline", "holds"), [(249, True), (250, False)])
def test_it_needs_a_baseline_on_the_clinical_side(baseline: int, holds: bool) -> None:
    assert held(ORS, [baseline] * 3, "no_early_change")[-1] is holds


@pytest.mark.parametrize(("baseline", "holds"), [(50, False), (60, True), (100, True)])
def test_it_needs_room_for_the_reliable_change(baseline: int, holds: bool) -> None:
    # Six points down from five are not on the scale.
    form = msgspec.structs.replace(
        PHQ9, published_cutoffs={"adult": Cutoff(value=Decimal(5), clinical=">=")}
    )
    assert held(form, [baseline] * 3, "no_early_change")[-1] is holds


def test_without_a_cutoff_or_an_age_group_nothing_is_said() -> None:
    assert verdicts(ORS, [200] * 6, "no_early_change", age_group="child") == [None] * 6
    assert verdicts(ORS, [200] * 6, "no_early_change", age_group=None) == [None] * 6


def test_stalled_is_looked_at_from_the_tenth_rating_on() -> None:
    assert held(ORS, [200] * 12, "stalled") == [*[False] * 9, True, True, True]


@pytest.mark.parametrize(("latest", "holds"), [(249, True), (250, False)])
def test_stalled_holds_short_of_the_reliable_change(latest: int, holds: bool) -> None:
    assert held(ORS, [*[200] * 9, latest], "stalled")[-1] is holds


@pytest.mark.parametrize(("worst", "holds"), [(190, True), (189, False)])
def test_a_gain_of_more_than_the_reliable_change_lately_is_no_standstill(
    worst: int, holds: bool
) -> None:
    # From 19.0 to 24.0 is exactly 5.0, which is not more; the first six count for nothing.
    series = [200, 200, 200, 200, 200, worst, 200, 200, 200, 240]
    assert held(ORS, series, "stalled")[-1] is holds


def test_a_gain_before_the_last_five_ratings_does_not_count() -> None:
    assert held(ORS, [200, 200, 200, 150, 210, 200, 200, 200, 200, 200], "stalled")[-1]
    assert not held(ORS, [200] * 5 + [150, 210, 200, 200, 200], "stalled")[-1]


def test_stalled_is_over_with_the_first_rating_that_is_reliably_better() -> None:
    series = [*[200] * 10, 249, 250, 260, 200]
    assert cleared(ORS, series, "stalled")[-5:] == [False, False, True, False, False]


CURVE = a_curve()
# Of rating 3 from 20: expected 15.25, the 75th percentile at 18.63, the 90th at 21.66.


@pytest.mark.parametrize(
    ("latest", "severity"),
    [(180, None), (190, "medium"), (210, "medium"), (220, "high")],
)
def test_off_track_is_worse_than_a_low_percentile_twice_running(
    latest: int, severity: str | None
) -> None:
    found = last(BDI, [200, 260, latest], "off_track", curve=CURVE)
    assert found is not None
    assert found.holds is (severity is not None)
    if severity is not None:
        assert found.severity == severity


def test_one_rating_off_the_track_is_not_two() -> None:
    series = [200, 300, 150, 300, 150, 300, 300]
    assert held(BDI, series, "off_track", curve=CURVE) == [*[False] * 6, True]


def test_high_takes_both_ratings_beyond_the_tenth() -> None:
    # Of rating 2 from 20 the 75th percentile is 19.64 and the 90th 22.67.
    for second, severity in ((220, "medium"), (230, "high")):
        found = last(BDI, [200, second, 300], "off_track", curve=CURVE)
        assert found is not None
        assert found.severity == severity


def test_off_track_says_what_was_expected_and_what_would_have_been_spared() -> None:
    found = last(BDI, [200, 260, 250], "off_track", curve=CURVE)
    assert found is not None
    assert found.inputs == {"baseline": 200, "latest": 250}
    assert found.thresholds == {"percentile_90": "21.66", "expected": "15.25"}
    assert found.counterfactual == "At 18 or below it would not have fired."
    assert "not a verdict" in found.text


def test_where_higher_is_better_the_low_percentiles_are_the_low_scores() -> None:
    curve = a_curve(measure="ors", slope=2.5)
    # Of rating 3 from 20: 20.75, the 25th percentile at 17.37, the 10th at 14.34.
    for latest, holds in ((174, False), (173, True)):
        assert held(ORS, [200, 100, latest], "off_track", curve=curve)[-1] is holds


@pytest.mark.parametrize(
    "person",
    [{}, {"curve": a_curve(kind="seed")}, {"curve": CURVE, "late_baseline": True}],
    ids=["no curve", "seed", "late baseline"],
)
def test_nothing_is_off_track_without_a_fitted_curve_from_a_timely_baseline(
    person: dict[str, object],
) -> None:
    assert verdicts(BDI, [200, 400, 400, 400], "off_track", **person) == [None] * 4
