"""The product and the second implementation say the same of 400 real series."""

from math import sqrt

import pandas as pd
import pytest

from shared.contracts.outcomes import Assessment
from shared.measures import measure
from tests.reference import alerts, classify, evaluate, gains
from tests.reference.change import jacobson_truax
from tests.reference.exact import ONE, exact
from tests.support.agreement import (
    alerts_in_table,
    assessments,
    disagreements,
    in_order,
    in_table,
)
from tests.unit.reference.builders import BDI, ENRICHD, real_ratings

pytestmark = pytest.mark.skipif(
    not ENRICHD.exists(), reason="the ENRICHD ratings are not on this machine"
)

TOLD = ["reliable_deterioration", "session_drop", "stalled", "lost_gain"]
"""The rules that alert and say of each rating whether they hold or not."""

MARKS = ["target_reached", "intake_above_cutoff", "volatile"]
"""Those that say something only where they hold."""


@pytest.fixture(scope="module")
def reference() -> pd.DataFrame:
    return evaluate(real_ratings(), BDI)


@pytest.fixture(scope="module")
def said() -> dict[object, list[Assessment]]:
    return assessments(real_ratings(), measure("bdi"))


@pytest.fixture(scope="module")
def product(said: dict[object, list[Assessment]]) -> pd.DataFrame:
    return in_table(said, [*TOLD, *MARKS, "no_early_change", "sudden_gain"])


def test_both_have_the_same_ratings_in_the_same_order(
    product: pd.DataFrame, reference: pd.DataFrame
) -> None:
    assert len(product) == len(reference) == 5346
    for column in ("client", "k", "x", "first"):
        assert product[column].tolist() == reference[column].tolist(), column
    assert (-product["raw_change"]).tolist() == reference["change"].tolist()


def test_both_class_every_rating_the_same(product: pd.DataFrame, reference: pd.DataFrame) -> None:
    expected = classify(reference, BDI)
    assert disagreements(product["class"], expected) == []
    assert set(expected.dropna()) == {"recovered", "improved", "unchanged", "deteriorated"}


def test_both_have_the_same_reliable_change_index(
    product: pd.DataFrame, reference: pd.DataFrame
) -> None:
    """A deviation of 8.46 / 1.96 / √2 without any reliability has the reliable change 8.46."""
    first, latest = (reference[one].to_numpy() / ONE for one in ("first", "x"))
    expected = jacobson_truax(first, latest, sd=8.46 / 1.96 / sqrt(2), reliability=0)
    later = (reference["k"] > 1).to_numpy()
    assert product.loc[later, "index"].tolist() == pytest.approx(expected[later].tolist())
    assert product.loc[~later, "index"].isna().all()


@pytest.mark.parametrize("rule", TOLD)
def test_both_evaluate_every_rule_on_the_same_ratings_and_find_the_same(
    rule: str, product: pd.DataFrame, reference: pd.DataFrame
) -> None:
    assert disagreements(product[rule], reference[rule]) == []
    assert product[rule].sum() > 0


@pytest.mark.parametrize("rule", MARKS)
def test_both_put_the_same_marks(rule: str, product: pd.DataFrame, reference: pd.DataFrame) -> None:
    assert disagreements(product[rule].fillna(False), reference[rule].fillna(False)) == []


def test_both_ask_for_an_early_change_at_the_same_places(
    product: pd.DataFrame, reference: pd.DataFrame
) -> None:
    """Between its places the product says only where what it asked for has come."""
    places = reference["no_early_change"].notna()
    rule = "no_early_change"
    assert disagreements(product.loc[places, rule], reference.loc[places, rule]) == []
    assert not product.loc[~places, rule].fillna(False).any()


def test_both_see_the_same_sudden_gains_with_the_same_rating(product: pd.DataFrame) -> None:
    """A mark stands on the rating with which a gain is known that was not before."""
    for client, series in product.groupby("client", sort=False):
        scores = (series["x"] / ONE).to_numpy()
        wide = pd.DataFrame([scores], index=[client])
        known = [set(gains(wide.iloc[:, :end], exact(7), -1)["to"]) for end in series["k"]]
        fresh = [bool(now - before) for before, now in zip([set(), *known], known, strict=False)]
        assert series["sudden_gain"].fillna(False).tolist() == fresh, client


def test_both_call_for_the_same_alerts(
    said: dict[object, list[Assessment]], reference: pd.DataFrame
) -> None:
    """By rule, severity, repetitions, and the ratings that opened and ended each."""
    expected = in_order(alerts(reference, BDI))
    pd.testing.assert_frame_equal(alerts_in_table(said), expected)
    assert len(expected) == 708
    assert set(expected["severity"]) == {"medium", "high", "urgent"}
