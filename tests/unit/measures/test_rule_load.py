"""How much the default rules would have asked of people, on 400 real series."""

import csv
from collections import Counter, defaultdict

import pytest

from deploy.cli.analyse_alerts import Span, alerts_of, concerns
from shared.measures import assess_all, measure, rule_sets
from tests.support.paths import REPOSITORY
from tests.unit.measures.judged import RULES

RATINGS = REPOSITORY.parent / "shared" / "data" / "enrichd-bdi" / "ratings.csv"
MOST_CONCERNS = 10
"""For 100 clients a week."""


@pytest.fixture(scope="module")
def series() -> dict[str, list[tuple[float, int]]]:
    """Day and total (tenths) of each client's ratings, in file order."""
    if not RATINGS.exists():
        pytest.skip("the ENRICHD data lie beside the project, not in it; they are not here")
    found: dict[str, list[tuple[float, int]]] = defaultdict(list)
    with RATINGS.open(newline="") as file:
        for row in csv.DictReader(file):
            found[row["client"]].append((float(row["day"]), int(row["bdi"]) * 10))
    return found


def alerts(client: str, totals: list[int]) -> list[Span]:
    return alerts_of(client, list(assess_all(measure("bdi"), RULES, totals)))


def test_the_default_set_stays_within_its_budget(
    series: dict[str, list[tuple[float, int]]], capsys: pytest.CaptureFixture[str]
) -> None:
    begun, raised = 0, Counter[str]()
    for client, rated in series.items():
        found = alerts(client, [total for _, total in rated])
        begun += concerns(found)
        raised.update(one.rule for one in found)
    weeks = sum((rated[-1][0] - rated[0][0]) / 7 for rated in series.values())
    load = 100 * begun / weeks
    with capsys.disabled():
        print(  # noqa: T201 - the load is to be seen with every run
            f"\n{begun} concerns in {weeks:.0f} weeks of {len(series)} clients: "
            f"{load:.1f} for 100 clients a week; alerts: {dict(raised.most_common())}"
        )
    assert load <= MOST_CONCERNS


def test_a_concern_is_counted_once_however_many_alerts_it_has() -> None:
    found = [
        Span("a", "medium", opened=1, ended=3, ratings=1),
        Span("b", "high", opened=2, ended=4, ratings=1),
        Span("c", "medium", opened=4, ended=5, ratings=1),
        Span("d", "medium", opened=6, ended=None, ratings=1),
    ]
    assert concerns(found) == 2


def test_reliable_deterioration_alone_gives_what_an_independent_count_gives(
    series: dict[str, list[tuple[float, int]]],
) -> None:
    found = {
        client: [
            one
            for one in alerts(client, [total for _, total in rated])
            if one.rule == "reliable_deterioration"
        ]
        for client, rated in series.items()
    }
    spans = [one for some in found.values() for one in some]
    assert (len(spans), sum(map(bool, found.values()))) == (57, 51)
    assert sum(one.ended is None for one in spans) == 7
    worse = [rated for rated in series.values() if rated[-1][1] - rated[0][1] >= 85]
    assert len(worse) == 4


def test_the_rules_of_the_first_set_say_the_same_in_the_second(
    series: dict[str, list[tuple[float, int]]],
) -> None:
    first = rule_sets()["default", 1]
    for rated in series.values():
        totals = [total for _, total in rated]
        before = assess_all(measure("bdi"), first, totals)
        now = assess_all(measure("bdi"), RULES, totals)
        for one, other in zip(before, now, strict=True):
            kept = [said for said in other.verdicts if said.rule in {r.id for r in first.rules}]
            assert kept == one.verdicts
