"""The product and the second implementation expect the same, and say who is off that track."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from shared.measures import measure
from shared.measures.expected import Curve as ProductCurve
from tests.reference import Curve, Definition, alerts, evaluate
from tests.support.agreement import (
    alerts_in_table,
    assessments,
    disagreements,
    in_order,
    in_table,
)
from tests.unit.reference.builders import ORS
from tests.unit.reference.constructed import MEASURES, MOST_RATINGS, constructed


class Bent(NamedTuple):
    """One curve as both have it, of a measure."""

    key: str
    definition: Definition
    reference: Curve
    product: ProductCurve


def bent(key: str, curve: Curve) -> Bent:
    """The curve for both: fitted, on the measure `key`."""
    of_product = ProductCurve(
        measure=key,
        age_group="adult",
        version=1,
        kind="fitted",
        intercept=curve.b0,
        slope=curve.b1,
        baseline_effect=curve.b2,
        interaction=curve.b3,
        baseline_mean=curve.mean_baseline,
        g00=curve.g00,
        g01=curve.g01,
        g11=curve.g11,
        variance=curve.sigma**2,
        longest=MOST_RATINGS,
    )
    return Bent(key, MEASURES[key], curve, of_product)


CURVES = [
    bent("bdi", Curve(18.1, -4.7, 0.83, -0.18, 19.2, g00=20, g01=-4, g11=3, sigma=3.7)),
    bent("ors", Curve(18.2, 2.6, 0.8, -0.15, 17, g00=20, g01=-3, g11=4, sigma=3.5)),
]


@pytest.mark.parametrize("curve", CURVES, ids=[one.key for one in CURVES])
def test_both_expect_the_same_of_every_rating(curve: Bent) -> None:
    k = np.arange(2, MOST_RATINGS + 1)
    for baseline in (5.0, 17.3, 31.0):
        mine = [curve.product.expected(one, round(10 * baseline)) / 10 for one in k.tolist()]
        assert mine == pytest.approx(curve.reference.expected(k, baseline).tolist())
        for percent in (10, 25, 50, 75, 90):
            band = [
                curve.product.percentile(one, round(10 * baseline), percent) / 10
                for one in k.tolist()
            ]
            bound = curve.reference.percentile(percent, k, baseline, 1)
            assert band == pytest.approx(bound.tolist())


@pytest.mark.parametrize("curve", CURVES, ids=[one.key for one in CURVES])
def test_both_find_the_same_ratings_off_track_and_as_severely(curve: Bent) -> None:
    ratings = constructed(curve.key, seed=43)
    reference = evaluate(ratings, curve.definition, curve.reference)
    said = assessments(ratings, measure(curve.key), curve.product)
    product = in_table(said, ["off_track"])
    assert disagreements(product["off_track"], reference["off_track"]) == []
    severities = product["severity_of_off_track"]
    assert disagreements(severities, reference["off_track_severity"]) == []
    assert set(severities.dropna()) == {"medium", "high"}


@pytest.mark.parametrize("curve", CURVES, ids=[one.key for one in CURVES])
def test_both_call_for_the_same_alerts_about_being_off_track(curve: Bent) -> None:
    ratings = constructed(curve.key, seed=44)
    reference = alerts(
        evaluate(ratings, curve.definition, curve.reference), curve.definition
    ).query("rule == 'off_track'")
    product = alerts_in_table(assessments(ratings, measure(curve.key), curve.product))
    product = product[product["rule"] == "off_track"].reset_index(drop=True)
    pd.testing.assert_frame_equal(product, in_order(reference))
    assert {"medium", "high", "urgent"} <= set(product["severity"])


def test_neither_puts_anybody_off_track_by_a_seed_curve_or_from_a_late_baseline() -> None:
    curve = CURVES[0]
    ratings = constructed(curve.key, seed=45)
    seed = evaluate(ratings, curve.definition, replace(curve.reference, seed=True))["off_track"]
    clients = ratings["client"].unique()
    late = evaluate(ratings, curve.definition, curve.reference, clients)["off_track"]
    said = assessments(ratings, measure(curve.key), curve.product, late_baseline=True)
    product = in_table(said, ["off_track"])
    assert seed.isna().all()
    assert disagreements(product["off_track"], late) == []
    assert product["class"].isna().all()


def test_both_reach_the_plateau_of_a_flat_curve() -> None:
    """A curve without a slope has its plateau where it is: a target for who began below it."""
    curve = bent("ors", Curve(24, 0, 0, 0, 20, g00=10, g01=0, g11=0, sigma=4))
    ratings = constructed("ors", seed=46)
    product = in_table(assessments(ratings, measure("ors"), curve.product), ["target_reached"])
    with_target = evaluate(ratings, replace(ORS, target=24))["target_reached"]
    without = evaluate(ratings, ORS)["target_reached"]
    began_below = product["first"] < 24_000_000
    expected = with_target.where(began_below, without).fillna(False)
    assert disagreements(product["target_reached"].fillna(False), expected) == []
    assert disagreements(with_target.fillna(False), without.fillna(False)) != []
