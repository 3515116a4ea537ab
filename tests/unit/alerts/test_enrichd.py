"""Real series through measures and alerts: how many alerts an independent count finds."""

import csv
from pathlib import Path

import pytest

from services.alerts.domain.alert import Alert, Series
from services.alerts.domain.judged import JudgedSeries, put, words_of
from services.alerts.domain.reconcile import reconcile
from shared.contracts.outcomes import RatingAssessed
from shared.measures import assess_all, default_rules, measure
from tests.unit.alerts.builders import START

DATA = Path(__file__).parents[4] / "shared" / "data" / "enrichd-bdi" / "ratings.csv"


@pytest.mark.skipif(not DATA.exists(), reason="the ENRICHD ratings are not on this machine")
def test_the_400_real_series_give_57_alerts_in_51_clients_with_7_open() -> None:
    alerts = [alert for client, totals in series_of(DATA).items() for alert in run(client, totals)]
    deteriorated = [alert for alert in alerts if alert.rule == "reliable_deterioration"]
    assert len(deteriorated) == 57
    assert len({alert.series.client_id for alert in deteriorated}) == 51
    assert sum(alert.status == "open" for alert in deteriorated) == 7


def series_of(path: Path) -> dict[str, list[int]]:
    """The totals of each client in tenths, in file order."""
    series: dict[str, list[int]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            series.setdefault(row["client"], []).append(int(row["bdi"]) * 10)
    return series


def run(client: str, totals: list[int]) -> list[Alert]:
    """The alerts of one client's series, rating by rating."""
    series = Series(episode_id=client, client_id=client, measure="bdi")
    judged: JudgedSeries = {}
    alerts: dict[str, Alert] = {}
    for assessment in assess_all(measure("bdi"), default_rules(), totals):
        event = RatingAssessed(
            rating_id=f"{client}-{assessment.ordinal}",
            episode_id=client,
            client_id=client,
            series=series.id,
            measure="bdi",
            rule_set_version=1,
            occurred_at=START,
            rating_recorded_at=START,
            imported=True,
            private=assessment,
        )
        judged = put(judged, words_of([event]))
        for change in reconcile(series, judged, alerts.values()):
            alerts[change.alert.id] = change.alert
    return list(alerts.values())
