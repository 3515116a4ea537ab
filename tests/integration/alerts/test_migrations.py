"""A database of before is brought to what the program needs now, with all that is in it."""

import json
import shutil
from pathlib import Path

from services.alerts import migrations
from shared.database import create_database, driver
from shared.ids import new_id
from shared.migrations import upgrade, upgrade_from
from tests.conftest import MakeDatabase

BEFORE = ("0001_spine.py", "0002_time.py", "0003_access.py")

# What the first migration makes today is what the program needs today.
AS_IT_WAS = "ALTER TABLE alerts DROP COLUMN episode_id, ADD COLUMN assignee text"
EVENT = """
INSERT INTO events (tenant, stream, version, id, type, subject, schema_version, recorded_at,
    correlation_id, data)
VALUES ($1, $2, 1, $3, 'heroic.alerts.AlertRaised', 'client', 1, now(), 'c', $4)
"""
ROW = """
INSERT INTO alerts (tenant, alert_id, series_id, client_id, rule, severity, status, raised_at,
    changed_at, version, state)
VALUES ($1, $2, 'series', 'client', 'risk_item', 'urgent', 'open', now(), now(), 1, '')
"""
EPISODE = "SELECT episode_id FROM alerts WHERE tenant = $1 AND alert_id = $2"


async def test_alerts_of_before_are_told_their_episode(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    urls = await make_database()
    for name in BEFORE:
        shutil.copy(Path(migrations.__path__[0]) / "versions" / name, tmp_path)
    await upgrade_from(tmp_path, urls.owner)
    tenant, alert_id, episode_id = new_id(), new_id(), new_id()
    data = json.dumps({"alert_id": alert_id, "episode_id": episode_id}).encode()
    owner = create_database(urls.owner)
    async with owner.session(tenant) as conn:
        raw = driver(conn)
        await raw.execute(AS_IT_WAS)
        await raw.execute(EVENT, tenant, f"alert-{alert_id}", new_id(), data)
        await raw.execute(ROW, tenant, alert_id)
    await upgrade("alerts", urls.owner)
    async with owner.session(tenant) as conn:
        assert await driver(conn).fetchval(EPISODE, tenant, alert_id) == episode_id
    async with owner.session(new_id()) as conn:
        assert await driver(conn).fetchval(EPISODE, tenant, alert_id) is None
    await owner.dispose()
