"""Episodes read for the rules of time, and when to look at them next, in SQL on the caller's
transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from services.alerts.care_rows import execute
from services.alerts.domain.course import Booking, Course, Form
from services.alerts.rows import Key
from shared.measures.rules.episodes import Answer, Session


class Due(NamedTuple):
    """An episode that is to be looked at; `touched` tells this time from a later one."""

    tenant: str
    episode_id: str
    touched: int

    @property
    def key(self) -> Key:
        """(tenant, episode id)."""
        return self.tenant, self.episode_id


NEXT = """
SELECT tenant, episode_id, touched FROM due WHERE at < $1 ORDER BY at, tenant, episode_id LIMIT $2
"""

# An alert on a client is told in the episodes that go on, or in the last one.
EPISODES = """
SELECT i.ord, e.client_id, e.opened_at, e.told_at, e.imported, e.closed_at, c.measuring,
    c.measuring_since, c.held_since, (e.closed_at IS NULL OR NOT EXISTS (
        SELECT FROM episodes o
        WHERE o.tenant = i.tenant AND o.client_id = e.client_id AND o.episode_id <> i.episode_id
            AND (o.closed_at IS NULL OR o.closed_at > e.closed_at)
    )) AS speaks
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS i(tenant, episode_id, ord)
CROSS JOIN LATERAL (
    SELECT * FROM episodes WHERE tenant = i.tenant AND episode_id = i.episode_id OFFSET 0
) e
LEFT JOIN LATERAL (
    SELECT * FROM clients WHERE tenant = i.tenant AND client_id = e.client_id OFFSET 0
) c ON true
"""

OF_EPISODES = """
SELECT i.ord, one.*
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS i(tenant, episode_id, ord)
CROSS JOIN LATERAL (
    SELECT * FROM {table} WHERE tenant = i.tenant AND episode_id = i.episode_id OFFSET 0
) one
"""
SESSIONS, FORMS = OF_EPISODES.format(table="sessions"), OF_EPISODES.format(table="forms")

LOOK_AGAIN = """
UPDATE due SET at = i.at
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[])
    AS i(tenant, episode_id, touched, at)
WHERE due.tenant = i.tenant AND due.episode_id = i.episode_id AND due.touched = i.touched
"""
FORGET = """
DELETE FROM due USING unnest($1::text[], $2::text[], $3::bigint[])
    AS i(tenant, episode_id, touched)
WHERE due.tenant = i.tenant AND due.episode_id = i.episode_id AND due.touched = i.touched
"""

DELIVERED = """
UPDATE forms SET delivered = true WHERE tenant = $1 AND episode_id = $2 AND form_id = $3
"""


async def next_due(conn: asyncpg.Connection, now: datetime, limit: int) -> list[Due]:
    """The episodes to look at, now that everything through `now` has been processed."""
    return [Due(*row) for row in await conn.fetch(NEXT, now, limit)]


async def load_courses(conn: asyncpg.Connection, keys: Sequence[Key]) -> dict[Key, Course]:
    """The episodes of each (tenant, id); those that nobody has told the opening of are left out,
    except where data of their client is held back."""
    columns = [key[0] for key in keys], [key[1] for key in keys]
    bookings: list[list[Booking]] = [[] for _ in keys]
    forms: list[list[Form]] = [[] for _ in keys]
    for row in await conn.fetch(SESSIONS, *columns):
        bookings[row["ord"] - 1].append(booking(row))
    for row in await conn.fetch(FORMS, *columns):
        forms[row["ord"] - 1].append(form(row))
    found = {}
    for row in await conn.fetch(EPISODES, *columns):
        number = row["ord"] - 1
        opened_at = row["opened_at"] or row["held_since"]
        if opened_at is None:
            continue
        found[keys[number]] = Course(
            episode_id=keys[number][1],
            client_id=row["client_id"],
            opened_at=opened_at,
            told_at=row["told_at"] or opened_at,
            imported=row["imported"],
            closed_at=row["closed_at"],
            bookings=tuple(bookings[number]),
            forms=tuple(forms[number]),
            measuring=row["measuring"] or "on",
            measuring_since=row["measuring_since"],
            held_since=row["held_since"],
            speaks=row["speaks"],
        )
    return found


def booking(row: Mapping[str, Any]) -> Booking:
    """A row of the table of sessions."""
    session = Session(row["session_id"], row["starts_at"], row["ends_at"], row["status"])
    return Booking(
        session=session,
        known_at=row["known_at"],
        told_at=row["told_at"],
        imported=row["imported"],
    )


def form(row: Mapping[str, Any]) -> Form:
    """A row of the table of forms."""
    return Form(
        id=row["form_id"],
        answer=Answer(row["at"], row["session_id"], row["declined"]),
        told_at=row["told_at"],
        imported=row["imported"],
        measure=row["measure"],
        rater_kind=row["rater_kind"],
        rater_id=row["rater_id"],
        risk=row["risk"],
        historical=row["historical"],
        delivered=row["delivered"],
    )


async def look_again(
    conn: asyncpg.Connection, looked: Iterable[tuple[Due, datetime | None]]
) -> None:
    """When to look at each episode next (None: not before something comes in).

    What came in meanwhile has touched it: then it is due already.
    """
    rows = sorted(looked, key=lambda one: one[0])
    await execute(conn, LOOK_AGAIN, [(*due, at) for due, at in rows if at is not None])
    await execute(conn, FORGET, [(*due,) for due, at in rows if at is None])


async def mark_delivered(conn: asyncpg.Connection, forms: Iterable[tuple[str, str, str]]) -> None:
    """The risk of these forms (tenant, episode id, id) has been told."""
    await conn.executemany(DELIVERED, sorted(forms))
