"""The rows that rules of time look at, as a batch of events leaves them, written in SQL on the
caller's transaction."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import asyncpg

from shared.contracts.feedback import RaterKind
from shared.contracts.intake import MeasuringState, SessionStatus

Key = tuple[str, ...]
"""(tenant, id) or (tenant, episode id, id)."""


class EpisodeRow(NamedTuple):
    """An episode; `closed_at` is None while it goes on, `opened_at` where nobody said so."""

    tenant: str
    episode_id: str
    client_id: str
    closed_at: datetime | None
    opened_at: datetime | None = None
    told_at: datetime | None = None
    imported: bool = False


class SessionRow(NamedTuple):
    """A session as it was told last; `known_at`: when it was told first."""

    tenant: str
    episode_id: str
    session_id: str
    starts_at: datetime
    ends_at: datetime | None
    status: SessionStatus
    known_at: datetime
    told_at: datetime
    imported: bool


class FormRow(NamedTuple):
    """A form that was filled in or declined, as it was told last."""

    tenant: str
    episode_id: str
    form_id: str
    at: datetime
    session_id: str | None
    declined: bool
    told_at: datetime
    imported: bool
    measure: str
    rater_kind: RaterKind
    rater_id: str | None
    risk: int | None
    historical: bool


class ClientRow(NamedTuple):
    """Whether a client measures, and since when."""

    tenant: str
    client_id: str
    measuring: MeasuringState
    told_at: datetime


# What one episode's stream says comes in its order, so the last word stands.
SAVE_EPISODES = """
INSERT INTO episodes AS e (tenant, episode_id, client_id, closed_at, opened_at, told_at, imported)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[],
    $6::timestamptz[], $7::boolean[])
ON CONFLICT (tenant, episode_id) DO UPDATE SET closed_at = EXCLUDED.closed_at,
    opened_at = coalesce(EXCLUDED.opened_at, e.opened_at),
    told_at = coalesce(EXCLUDED.told_at, e.told_at), imported = EXCLUDED.imported OR e.imported
"""

# When a session was first known of stays.
SAVE_SESSIONS = """
INSERT INTO sessions (tenant, episode_id, session_id, starts_at, ends_at, status, known_at,
    told_at, imported)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[],
    $6::text[], $7::timestamptz[], $8::timestamptz[], $9::boolean[])
ON CONFLICT (tenant, episode_id, session_id) DO UPDATE SET starts_at = EXCLUDED.starts_at,
    ends_at = EXCLUDED.ends_at, status = EXCLUDED.status, told_at = EXCLUDED.told_at,
    imported = EXCLUDED.imported
"""

# A correction says nothing of the session that the form is about.
SAVE_FORMS = """
INSERT INTO forms AS f (tenant, episode_id, form_id, at, session_id, declined, told_at, imported,
    measure, rater_kind, rater_id, risk, historical)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[],
    $6::boolean[], $7::timestamptz[], $8::boolean[], $9::text[], $10::text[], $11::text[],
    $12::int[], $13::boolean[])
ON CONFLICT (tenant, episode_id, form_id) DO UPDATE SET at = EXCLUDED.at,
    session_id = coalesce(EXCLUDED.session_id, f.session_id), told_at = EXCLUDED.told_at,
    imported = EXCLUDED.imported, risk = EXCLUDED.risk, historical = EXCLUDED.historical
"""

SAVE_CLIENTS = """
INSERT INTO clients (tenant, client_id, measuring, measuring_since)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[])
ON CONFLICT (tenant, client_id) DO UPDATE SET measuring = EXCLUDED.measuring,
    measuring_since = EXCLUDED.measuring_since
"""

DROP_SESSIONS = """
DELETE FROM sessions WHERE tenant = $1 AND episode_id = $2 AND session_id = $3
"""
DROP_FORMS = "DELETE FROM forms WHERE tenant = $1 AND episode_id = $2 AND form_id = $3"

ADD_TENANTS = "INSERT INTO tenants SELECT * FROM unnest($1::text[]) ON CONFLICT DO NOTHING"

# Whoever looks writes when to look next only where nothing has come in since.
TOUCH = """
INSERT INTO due AS d (tenant, episode_id, at)
SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[])
ON CONFLICT (tenant, episode_id) DO UPDATE SET at = least(d.at, EXCLUDED.at),
    touched = d.touched + 1
"""

EPISODES_OF = """
SELECT i.tenant, e.episode_id
FROM unnest($1::text[], $2::text[]) AS i(tenant, client_id)
CROSS JOIN LATERAL (
    SELECT episode_id FROM episodes
    WHERE tenant = i.tenant AND client_id = i.client_id
    OFFSET 0
) e
"""


@dataclass
class Rows:
    """What a batch leaves behind; None: the row goes. `touched`: which episodes something came in
    for, and when it was recorded."""

    tenants: set[str] = field(default_factory=set)
    episodes: dict[Key, EpisodeRow] = field(default_factory=dict)
    sessions: dict[Key, SessionRow | None] = field(default_factory=dict)
    forms: dict[Key, FormRow | None] = field(default_factory=dict)
    clients: dict[Key, ClientRow] = field(default_factory=dict)
    touched: dict[Key, datetime] = field(default_factory=dict)

    async def save(self, conn: asyncpg.Connection) -> None:
        """Write all of it."""
        if self.tenants:
            await conn.execute(ADD_TENANTS, sorted(self.tenants))
        await execute(conn, SAVE_EPISODES, self.episodes.values())
        for rows, keep, drop in (
            (self.sessions, SAVE_SESSIONS, DROP_SESSIONS),
            (self.forms, SAVE_FORMS, DROP_FORMS),
        ):
            await execute(conn, keep, [row for row in rows.values() if row is not None])
            if gone := sorted(key for key, row in rows.items() if row is None):
                await conn.executemany(drop, gone)
        await execute(conn, SAVE_CLIENTS, self.clients.values())
        await touch(conn, self.touched)


async def touch(conn: asyncpg.Connection, episodes: dict[Key, datetime]) -> None:
    """Have these episodes (tenant, id) looked at once everything through a time is processed."""
    await execute(conn, TOUCH, [(*key, at) for key, at in episodes.items()])


async def episodes_of(conn: asyncpg.Connection, clients: Collection[Key]) -> list[Key]:
    """The episodes (tenant, id) of clients (tenant, id)."""
    asked = sorted(clients)
    rows = await conn.fetch(EPISODES_OF, [key[0] for key in asked], [key[1] for key in asked])
    return [(row["tenant"], row["episode_id"]) for row in rows]


async def execute(
    conn: asyncpg.Connection, statement: str, rows: Iterable[tuple[object, ...]]
) -> None:
    """Run `statement` with the columns of `rows`, in one order everywhere; nothing for none."""
    # Two workers that touch the same rows never wait for each other crosswise.
    found = sorted(rows, key=lambda row: row[:3])
    if found:
        await conn.execute(statement, *(list(column) for column in zip(*found, strict=True)))
