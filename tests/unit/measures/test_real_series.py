"""The rules on 400 real series, against an independent count."""

import csv
from pathlib import Path

import pytest

from shared.measures import assess_all, default_rules, measure

DATA = Path(__file__).parents[4] / "shared" / "data" / "enrichd-bdi" / "ratings.csv"


@pytest.fixture(scope="module")
def series() -> dict[str, list[int]]:
    if not DATA.exists():
        pytest.skip("the ENRICHD data lie beside the project, not in it; they are not here")
    found: dict[str, list[int]] = {}
    with DATA.open(newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["client"], []).append(int(row["bdi"]) * 10)
    return found


def test_the_rules_agree_with_a_count_that_knows_nothing_of_them(
    series: dict[str, list[int]],
) -> None:
    worse_once, worse_at_end, alerts, clients, still_open = 0, 0, 0, 0, 0
    for totals in series.values():
        holds = [
            one.holds
            for assessment in assess_all(measure("bdi"), default_rules(), totals)
            for one in assessment.verdicts
            if one.rule == "reliable_deterioration"
        ]
        # 8.46 points: in whole points, 9 or more.
        assert holds == [total - totals[0] >= 90 for total in totals[1:]]
        raised, is_open = state_alerts(holds)
        worse_once += any(holds)
        worse_at_end += holds[-1]
        alerts += raised
        clients += raised > 0
        still_open += is_open
    assert len(series) == 400
    assert sum(map(len, series.values())) == 5_346
    assert (worse_once, worse_at_end) == (51, 4)
    assert (alerts, clients, still_open) == (57, 51, 7)


def state_alerts(holds: list[bool]) -> tuple[int, bool]:
    """How often a state alert is raised, ended by two ratings in a row, and whether it is open."""
    raised, is_open, quiet = 0, False, 0
    for one in holds:
        quiet = 0 if one else quiet + 1
        if one and not is_open:
            raised, is_open = raised + 1, True
        elif quiet == 2:
            is_open = False
    return raised, is_open
