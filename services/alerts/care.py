"""Which episodes there are, as intake says: an alert tells whether its episode goes on."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.consuming import Incoming, Plan
from shared.contracts.intake import EpisodeClosed, EpisodeOpened, EpisodeReopened
from shared.database import driver
from shared.privacy import leave_sealed

CARE_GROUP = "alerts.care"


class Episode(NamedTuple):
    """A row; `closed_at` is None while the episode goes on."""

    tenant: str
    episode_id: str
    client_id: str
    closed_at: datetime | None


# What one episode's stream says comes in its order, so the last word stands.
SAVE = """
INSERT INTO episodes (tenant, episode_id, client_id, closed_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[])
ON CONFLICT (tenant, episode_id) DO UPDATE SET closed_at = EXCLUDED.closed_at
"""

CLOSED = """
SELECT episode_id, closed_at IS NOT NULL AS closed FROM episodes
WHERE tenant = $1 AND episode_id = ANY($2::text[])
"""


class CarePlan(Plan):
    """The rows of a batch."""

    def __init__(self, episodes: Iterable[Episode]) -> None:
        self.episodes = {(episode.tenant, episode.episode_id): episode for episode in episodes}

    async def apply(self, conn: AsyncConnection) -> None:
        """Write the rows."""
        rows = sorted(self.episodes.values())
        if rows:
            await driver(conn).execute(SAVE, *(list(column) for column in zip(*rows, strict=True)))


class CareHandler:
    """Group `alerts.care`: keeps the table of episodes."""

    async def prepare(self, conn: AsyncConnection, events: Sequence[Incoming]) -> CarePlan:
        """The rows that `events` of intake lead to."""
        found = (episode_of(incoming) for incoming in events)
        return CarePlan(episode for episode in found if episode is not None)


def episode_of(incoming: Incoming) -> Episode | None:
    """The episode as an event leaves it; None for events of other things."""
    tenant = incoming.envelope.tenant
    match leave_sealed(incoming.envelope).data:
        case EpisodeOpened() | EpisodeReopened() as event:
            return Episode(tenant, event.episode_id, event.client_id, None)
        case EpisodeClosed() as event:
            return Episode(tenant, event.episode_id, event.client_id, event.closed_at)
    return None


async def load_closed(
    conn: asyncpg.Connection, tenant: str, episode_ids: Collection[str]
) -> dict[str, bool]:
    """Whether each episode is closed; those that nobody has told of yet are left out."""
    rows = await conn.fetch(CLOSED, tenant, list(episode_ids))
    return {row["episode_id"]: row["closed"] for row in rows}
