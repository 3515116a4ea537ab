"""The product and the second implementation say the same where the real series say nothing:
of other measures, of sawteeth and of the alliance."""

import numpy as np
import pandas as pd
import pytest

from shared.measures import Series, assess, measure
from tests.reference import alerts, classify, evaluate, in_series
from tests.support.agreement import (
    RULES,
    alerts_in_table,
    assessments,
    disagreements,
    in_order,
    in_table,
    tenths,
)
from tests.unit.reference.builders import ORS
from tests.unit.reference.constructed import CLIENTS, MEASURES, constructed

TOLD = ["reliable_deterioration", "session_drop", "stalled", "lost_gain"]
MARKS = ["target_reached", "intake_above_cutoff", "volatile"]


@pytest.mark.parametrize("key", MEASURES)
def test_both_agree_on_series_of_every_measure_with_a_reliable_change(key: str) -> None:
    ratings = constructed(key, seed=41)
    reference = evaluate(ratings, MEASURES[key])
    said = assessments(ratings, measure(key))
    product = in_table(said, [*TOLD, *MARKS, "no_early_change"])
    places = reference["no_early_change"].notna()
    classes = classify(reference, MEASURES[key])
    assert disagreements(product["class"], classes) == []
    assert set(classes.dropna()) == {"recovered", "improved", "unchanged", "deteriorated"}
    for rule in TOLD:
        assert disagreements(product[rule], reference[rule]) == [], rule
        assert product[rule].any(), rule
    for mark in MARKS:
        mine, theirs = product[mark].fillna(False), reference[mark].fillna(False)
        assert disagreements(mine, theirs) == [], mark
        assert mine.any() or mark == "volatile", mark
    assert (
        disagreements(
            product.loc[places, "no_early_change"], reference.loc[places, "no_early_change"]
        )
        == []
    )
    pd.testing.assert_frame_equal(alerts_in_table(said), in_order(alerts(reference, MEASURES[key])))


def test_both_see_the_same_sawteeth() -> None:
    """The ORS alone has a step that counts."""
    ratings = constructed("ors", seed=42)
    product = in_table(assessments(ratings, measure("ors")), ["volatile"])["volatile"]
    reference = evaluate(ratings, ORS)["volatile"]
    assert disagreements(product.fillna(False), reference.fillna(False)) == []
    assert product.sum() > 30


def test_both_prompt_to_talk_about_the_same_sessions() -> None:
    """Below 36; fallen by 1.0 since the last; 40 in the first three while the outcome is worse."""
    chance = np.random.default_rng(47)
    scores = [25, 34.9, 35, 35.9, 36, 37, 39, 39.9, 40, 40, 40]
    rows = [
        (client, time, chance.choice(scores), chance.choice([-10, -1, 0, 10]))
        for client in range(CLIENTS)
        for time in range(chance.integers(1, 7))
    ]
    ratings = pd.DataFrame(rows, columns=["client", "time", "value", "gain"])
    series = in_series(ratings, 1)
    score, k = series["value"], series["k"]
    fall = series.groupby("client")["x"].diff()
    expected = pd.DataFrame(
        {
            "alliance_low": score < 36,
            "alliance_drop": fall <= -1_000_000,
            "alliance_ceiling": (score == 40) & (k <= 3) & (series["gain"] < 0),
        }
    )
    product = pd.DataFrame(prompts(series), columns=list(expected))
    pd.testing.assert_frame_equal(product, expected)
    assert expected.any().all()


def prompts(series: pd.DataFrame) -> list[list[bool]]:
    """Which of the rules on the alliance hold for each rating of the SRS."""
    found = []
    for _, of_client in series.groupby("client", sort=False):
        tail = Series()
        gains = of_client["gain"].tolist()
        for total, gain in zip(tenths(of_client["value"]), gains, strict=True):
            tail, said = assess(measure("srs"), RULES, tail, total, outcome_gain=gain)
            holding = {one.rule for one in said.verdicts if one.holds}
            rules = ("alliance_low", "alliance_drop", "alliance_ceiling")
            found.append([rule in holding for rule in rules])
    return found
