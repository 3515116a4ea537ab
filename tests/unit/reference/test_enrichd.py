"""The 400 real series give the figures that the specification states."""

import pandas as pd
import pytest

from tests.reference import alerts, classify, evaluate
from tests.unit.reference.builders import BDI, ENRICHD, real_ratings

pytestmark = pytest.mark.skipif(
    not ENRICHD.exists(), reason="the ENRICHD ratings are not on this machine"
)


@pytest.fixture(scope="module")
def judged() -> pd.DataFrame:
    return evaluate(real_ratings(), BDI)


def test_reliable_deterioration_gives_57_alerts_in_51_clients_with_7_open(
    judged: pd.DataFrame,
) -> None:
    raised = alerts(judged, BDI).query("rule == 'reliable_deterioration'")
    assert len(raised) == 57
    assert raised["client"].nunique() == 51
    assert raised["how"].isna().sum() == 7


def test_51_clients_are_reliably_worse_at_some_rating_and_4_at_their_last(
    judged: pd.DataFrame,
) -> None:
    worse = judged[classify(judged, BDI) == "deteriorated"]
    last = judged.groupby("client")["k"].transform("max")
    assert worse["client"].nunique() == 51
    assert (worse["k"] == last[worse.index]).sum() == 4
