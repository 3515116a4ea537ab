"""The rows of alerts and series, read and written in SQL on the caller's transaction.

Rows are found by look-ups, one a key: under the policy of tenants a plain join would read every
row of them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
import msgspec

from services.alerts.domain.alert import Alert, fold
from services.alerts.domain.judged import Judged, JudgedSeries, Words
from shared.contracts import Event, Recorded

Key = tuple[str, str]
"""(tenant, id)."""

_encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Alert).decode
_decode_judged = msgspec.msgpack.Decoder(Judged).decode


class Row(NamedTuple):
    """An alert with the times at which the store recorded its first and its latest event.

    `behind`: its stream has gone on since; whoever did that has not written the row (yet).
    """

    alert: Alert
    raised_at: datetime
    changed_at: datetime
    behind: bool = False


class Heard(NamedTuple):
    """The words of a batch on the ratings of one series, and whose series it is."""

    client_id: str
    words: Words


OF_SERIES = """
SELECT i.ord, a.state, a.raised_at, a.changed_at, a.version < (
        SELECT version FROM streams
        WHERE tenant = i.tenant AND stream = 'alert-' || a.alert_id
    ) AS behind
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS i(tenant, series_id, ord)
CROSS JOIN LATERAL (
    SELECT alert_id, version, state, raised_at, changed_at FROM alerts
    WHERE tenant = i.tenant AND series_id = i.series_id
    ORDER BY raised_at, alert_id
    OFFSET 0
) a
ORDER BY i.ord, a.raised_at
"""

JUDGEMENTS = """
SELECT i.ord, j.state
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS i(tenant, series_id, ord)
CROSS JOIN LATERAL (
    SELECT state FROM judgements
    WHERE tenant = i.tenant AND series_id = i.series_id
    OFFSET 0
) j
"""

# The times are those of the alert's latest event, which this transaction has just written.
SAVE = """
INSERT INTO alerts (tenant, alert_id, series_id, client_id, episode_id, rule, severity, status,
    version, live_version, state, raised_at, changed_at)
SELECT i.*, e.recorded_at, e.recorded_at
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::int[], $10::int[], $11::bytea[])
    AS i(tenant, alert_id, series_id, client_id, episode_id, rule, severity, status, version,
        live_version, state)
CROSS JOIN LATERAL (
    SELECT recorded_at FROM events
    WHERE tenant = i.tenant AND stream = 'alert-' || i.alert_id AND version = i.version
    LIMIT 1
) e
ON CONFLICT (tenant, alert_id) DO UPDATE SET severity = EXCLUDED.severity,
    status = EXCLUDED.status, version = EXCLUDED.version, live_version = EXCLUDED.live_version,
    state = EXCLUDED.state, changed_at = EXCLUDED.changed_at
    WHERE alerts.version < EXCLUDED.version
"""

# The words on one rating come in their order, so the last one stands.
SAVE_JUDGEMENTS = """
INSERT INTO judgements (tenant, series_id, rating_id, client_id, state)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[])
ON CONFLICT (tenant, series_id, rating_id) DO UPDATE SET state = EXCLUDED.state
"""

# Beside the alerts, since the risk group must not lose a round trip.
TAKE = """
WITH took AS (
    INSERT INTO taken AS t (tenant, stream, version)
    SELECT * FROM unnest($12::text[], $13::text[], $14::int[])
    ON CONFLICT (tenant, stream) DO UPDATE SET version = greatest(t.version, EXCLUDED.version)
)
"""
SAVE_WITH_TAKEN = TAKE + SAVE

DROP_JUDGEMENTS = """
DELETE FROM judgements
WHERE tenant = $1 AND series_id = $2 AND rating_id = $3
"""


async def load_of_series(conn: asyncpg.Connection, keys: Collection[Key]) -> dict[Key, list[Row]]:
    """All alerts that each series (tenant, series id) ever had, the oldest first."""
    asked = list(keys)
    found: dict[Key, list[Row]] = {key: [] for key in asked}
    rows = await conn.fetch(OF_SERIES, [k[0] for k in asked], [k[1] for k in asked])
    for row in rows:
        found[asked[row["ord"] - 1]].append(read(row))
    return found


async def load_judged(conn: asyncpg.Connection, keys: Collection[Key]) -> dict[Key, JudgedSeries]:
    """The judged series of each (tenant, series id); an empty one where there is none."""
    asked = list(keys)
    found: dict[Key, JudgedSeries] = {key: {} for key in asked}
    rows = await conn.fetch(JUDGEMENTS, [k[0] for k in asked], [k[1] for k in asked])
    for row in rows:
        judged = _decode_judged(row["state"])
        found[asked[row["ord"] - 1]][judged.rating_id] = judged
    return found


async def save_alerts(conn: asyncpg.Connection, alerts: Iterable[tuple[str, Alert]]) -> None:
    """Write the rows of alerts (tenant, alert) whose events this transaction has written."""
    rows = list(alerts)
    if rows:
        await conn.execute(SAVE, *_columns(rows))


async def save_with_taken(
    conn: asyncpg.Connection, alerts: Iterable[tuple[str, Alert]], versions: Mapping[Key, int]
) -> None:
    """The same, and keep how far the risk group has come in streams (tenant, stream)."""
    keys = sorted(versions)
    taken = [k[0] for k in keys], [k[1] for k in keys], [versions[k] for k in keys]
    await conn.execute(SAVE_WITH_TAKEN, *_columns(alerts), *taken)


def _columns(alerts: Iterable[tuple[str, Alert]]) -> list[list[object]]:
    # Those that have ended first: of a series and rule never two are open, not for a moment.
    rows = sorted(alerts, key=lambda row: (not row[1].ended, row[0], row[1].id))
    return [
        [tenant for tenant, _ in rows],
        [alert.id for _, alert in rows],
        [alert.series.id for _, alert in rows],
        [alert.series.client_id for _, alert in rows],
        [alert.series.episode_id for _, alert in rows],
        [alert.rule for _, alert in rows],
        [alert.severity for _, alert in rows],
        [alert.status for _, alert in rows],
        [alert.version for _, alert in rows],
        [alert.live_version for _, alert in rows],
        [_encode(alert) for _, alert in rows],
    ]


async def save_words(conn: asyncpg.Connection, heard: Mapping[Key, Heard]) -> None:
    """Keep the last words on ratings; those that do not count any more go."""
    kept, gone = [], []
    for (tenant, series_id), (client_id, words) in sorted(heard.items()):
        for rating_id, judged in sorted(words.items()):
            if judged is None:
                gone.append((tenant, series_id, rating_id))
            else:
                kept.append((tenant, series_id, rating_id, client_id, _encode(judged)))
    if kept:
        await conn.execute(SAVE_JUDGEMENTS, *(list(column) for column in zip(*kept, strict=True)))
    if gone:
        await conn.executemany(DROP_JUDGEMENTS, gone)


def read(row: Mapping[str, Any]) -> Row:
    """A row of the table as it was fetched."""
    behind = bool(row.get("behind"))
    alert = decode(row["state"])
    return Row(alert, row["raised_at"], row["changed_at"], behind)


def row_of(told: Sequence[Recorded[Event]]) -> Row:
    """The row that follows from the events of an alert's stream."""
    alert = fold(one.data for one in told)
    return Row(alert, told[0].recorded_at, told[-1].recorded_at)
