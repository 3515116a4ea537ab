"""What alerts gives away: every alert as it stands, with what was done about it."""

from collections.abc import AsyncIterator, Iterator, Sequence

from services.alerts.domain.alert import alert_stream, fold
from shared.database import Database, driver
from shared.exporting import Cut
from shared.web.export import Sheet, export_router

router = export_router("alerts")

ALERTS = (
    "alert_id",
    "client_id",
    "episode_id",
    "rule",
    "rule_version",
    "measure",
    "rater_kind",
    "rater_id",
    "severity",
    "status",
    "historical",
    "occurred_at",
    "raised_at",
    "changed_at",
    "text",
    "counterfactual",
)

ALERTS_OF = "SELECT alert_id FROM alerts WHERE tenant = $1 AND client_id = ANY($2::text[])"


class AlertsArchivist:
    """Knows the streams of clients, and what stands in them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def streams(self, tenant: str, client_ids: Sequence[str]) -> list[str]:
        """Those of their alerts."""
        async with self._database.session(tenant) as conn:
            rows = await driver(conn).fetch(ALERTS_OF, tenant, list(client_ids))
        return [alert_stream(row["alert_id"]) for row in rows]

    def sheets(self, cut: Cut) -> Iterator[Sheet]:
        """Alerts."""
        yield Sheet("alerts.csv", ALERTS, alerts(cut))


async def alerts(cut: Cut) -> AsyncIterator[Sequence[object]]:
    """A row an alert."""
    async for history in cut.histories(alert_stream("")):
        alert = fold(one.data for one in history)
        series, content = alert.series, alert.content
        yield (
            alert.id,
            series.client_id,
            series.episode_id,
            alert.rule,
            alert.rule_version,
            series.measure,
            series.rater_kind,
            series.rater_id,
            alert.severity,
            alert.status,
            alert.historical,
            alert.occurred_at,
            history[0].recorded_at,
            history[-1].recorded_at,
            content.text if content else None,
            content.counterfactual if content else None,
        )
