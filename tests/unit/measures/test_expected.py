"""Curves of the expected response: what they say, and from when on."""

from datetime import UTC, datetime, timedelta
from math import log, sqrt

import msgspec
import pytest

from shared.contracts.outcomes import Coverage, ExpectedResponseFitted
from shared.measures.catalogue import newest
from shared.measures.curves import seed_curve, seed_curves
from shared.measures.expected import Curve, curve_of, in_force, targets
from tests.support.simulated import TRUTH

AT = datetime(2026, 3, 2, tzinfo=UTC)


def fitted(version: int, effective_from: datetime) -> Curve:
    return msgspec.structs.replace(
        TRUTH, kind="fitted", version=version, effective_from=effective_from
    )


def test_the_expected_score_follows_the_formula_in_tenths() -> None:
    t, off = log(5), 12.3 - 17
    points = 18.2 + 2.6 * t + 0.8 * off - 0.15 * off * t
    assert TRUTH.expected(5, 123) == pytest.approx(10 * points)
    assert TRUTH.sd(5) == pytest.approx(10 * sqrt(20 - 2 * 3 * t + 4 * t * t + 12))


def test_the_band_holds_the_percentiles_around_what_is_expected() -> None:
    band = TRUTH.band(4, 200)
    assert list(band) == ["10", "25", "50", "75", "90"]
    assert list(band.values()) == sorted(band.values())
    assert band["50"] == pytest.approx(TRUTH.expected(4, 200))
    for name, value in band.items():
        assert TRUTH.percentile(4, 200, int(name)) == pytest.approx(value)
    # 1.2816 standard deviations: the normal distribution's 90 % point.
    assert band["90"] - band["50"] == pytest.approx(1.2816 * TRUTH.sd(4), rel=1e-4)


def test_any_other_percentile_is_there_too() -> None:
    assert TRUTH.percentile(4, 200, 97.5) == pytest.approx(
        TRUTH.expected(4, 200) + 1.95996 * TRUTH.sd(4), rel=1e-6
    )


@pytest.mark.parametrize("ordinal", [1, 0, -1])
def test_nothing_is_expected_of_a_first_rating(ordinal: int) -> None:
    for ask in (TRUTH.expected, TRUTH.band):
        with pytest.raises(ValueError, match="first rating"):
            ask(ordinal, 170)
    with pytest.raises(ValueError, match="first rating"):
        TRUTH.sd(ordinal)
    with pytest.raises(ValueError, match="first rating"):
        TRUTH.percentile(ordinal, 170, 10)


def test_a_curve_is_held_at_its_plateau_beyond_what_it_was_fitted_for() -> None:
    assert TRUTH.expected(15, 170) < TRUTH.expected(16, 170) == TRUTH.expected(17, 170)
    assert TRUTH.band(16, 170) == TRUTH.band(40, 170)


def test_targets_are_the_plateau_and_places_on_the_way_there() -> None:
    found = targets(TRUTH, 100, sign=1)
    assert found is not None
    plateau = TRUTH.expected(16, 100)
    assert found.plateau == plateau
    assert found.half == pytest.approx((100 + plateau) / 2)
    assert found.two_thirds == pytest.approx(100 + 0.67 * (plateau - 100))


def test_a_target_is_reached_from_its_value_on_and_not_a_tenth_before() -> None:
    flat = {"intercept": 30.0, "slope": 0.0, "baseline_effect": 0.0, "interaction": 0.0}
    up = targets(msgspec.structs.replace(TRUTH, **flat), 100, sign=1)
    down = targets(msgspec.structs.replace(TRUTH, **flat), 500, sign=-1)
    assert up is not None
    assert down is not None
    reached = {score: up.reached(score) for score in (199, 200, 233, 234, 299, 300)}
    assert reached == {199: None, 200: "50", 233: "50", 234: "67", 299: "67", 300: "met"}
    assert [down.reached(score) for score in (401, 400, 367, 366, 301, 300)] == [
        *(None, "50", "50"),
        *("67", "67", "met"),
    ]


def test_who_began_where_no_gain_is_expected_has_no_target() -> None:
    assert targets(TRUTH, 390, sign=1) is None
    assert targets(TRUTH, 100, sign=-1) is None


def test_a_curve_counts_from_its_time_on_and_never_before() -> None:
    first, second = fitted(1, AT), fitted(2, AT + timedelta(days=7))
    curves = [second, first]
    assert in_force(curves, AT - timedelta(microseconds=1)) is None
    assert in_force(curves, AT) is first
    assert in_force(curves, AT + timedelta(days=7, microseconds=-1)) is first
    assert in_force(curves, AT + timedelta(days=7)) is second
    assert in_force([seed_curve("bdi", "adult") or TRUTH], AT) is None


def test_a_published_curve_says_what_was_fitted() -> None:
    coverage = [Coverage(by="all", group="all", episodes=80, ratings=500, share=0.8)]
    event = ExpectedResponseFitted(
        measure="ors",
        age_group="adult",
        curve_version=3,
        fitted_at=AT,
        effective_from=AT + timedelta(minutes=1),
        intercept=TRUTH.intercept,
        slope=TRUTH.slope,
        baseline_effect=TRUTH.baseline_effect,
        interaction=TRUTH.interaction,
        baseline_mean=TRUTH.baseline_mean,
        g00=TRUTH.g00,
        g01=TRUTH.g01,
        g11=TRUTH.g11,
        variance=TRUTH.variance,
        longest=16,
        episodes=400,
        ratings=2_500,
        coverage=coverage,
    )
    curve = curve_of(event)
    assert (curve.kind, curve.version, curve.coverage) == ("fitted", 3, coverage)
    assert curve.effective_from == AT + timedelta(minutes=1)
    assert curve.band(4, 200) == TRUTH.band(4, 200)


def test_every_seed_curve_is_flagged_says_where_it_is_from_and_is_of_a_measure_that_ships() -> None:
    assert {("bdi", "adult"), ("ors", "adult"), ("phq-9", "adult")} <= seed_curves().keys()
    for (key, age_group), curve in seed_curves().items():
        definition = newest()[key]
        assert (curve.measure, curve.age_group, curve.kind) == (key, age_group, "seed")
        assert curve.source
        assert curve.effective_from is None
        way = [curve.expected(k, round(curve.baseline_mean * 10)) for k in range(2, 20)]
        assert way == sorted(way, reverse=definition.sign < 0)
        assert all(one in range(definition.total.grid[-1] + 1) for one in map(round, way))
        assert all(curve.sd(k) > 0 for k in range(2, 20))


@pytest.mark.parametrize(
    ("key", "mean", "sd", "intake_sd"), [("phq-9", 9.5, 6.6, 6.1), ("gad-7", 8.6, 5.7, 5.1)]
)
def test_seeds_come_out_where_the_published_figures_do(
    key: str, mean: float, sd: float, intake_sd: float
) -> None:
    curve = seed_curve(key, "adult")
    assert curve is not None
    at_six, at_seven = (curve.expected(k, round(curve.baseline_mean * 10)) for k in (6, 7))
    assert at_seven / 10 < mean < at_six / 10
    of_baseline = (curve.baseline_effect + curve.interaction * log(6.5)) * intake_sd
    assert sqrt(of_baseline**2 + (curve.sd(6) / 10) ** 2) < sd
    assert sqrt(of_baseline**2 + (curve.sd(7) / 10) ** 2) > sd
