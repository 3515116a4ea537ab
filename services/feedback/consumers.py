"""What feedback listens to: intake says which episodes there are."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.consuming import Incoming, Plan
from shared.contracts.intake import EpisodeClosed, EpisodeOpened, EpisodeReopened
from shared.database import driver
from shared.privacy import leave_sealed

GROUP = "feedback.care"


class Opened(msgspec.Struct, frozen=True):
    """A row of the table of episodes."""

    tenant: str
    episode_id: str
    client_id: str
    age_group: str
    opened_at: datetime
    closed_at: datetime | None
    external_hash: str | None


class Ended(msgspec.Struct, frozen=True):
    """When an episode that has a row already was closed; None: it goes on."""

    tenant: str
    episode_id: str
    closed_at: datetime | None


class CarePlan(Plan):
    """The rows that a batch leads to."""

    def __init__(self) -> None:
        self.opened: dict[tuple[str, str], Opened] = {}
        self.ended: dict[tuple[str, str], Ended] = {}

    def take(self, tenant: str, event: object) -> None:
        """Take in one event; those that say nothing of episodes change nothing."""
        match event:
            case EpisodeOpened():
                self.opened[tenant, event.episode_id] = Opened(
                    tenant,
                    event.episode_id,
                    event.client_id,
                    event.age_group,
                    event.opened_at,
                    None,
                    event.external_hash,
                )
            case EpisodeClosed():
                self.end(tenant, event.episode_id, event.closed_at)
            case EpisodeReopened():
                self.end(tenant, event.episode_id, None)

    def end(self, tenant: str, episode_id: str, closed_at: datetime | None) -> None:
        """Set the closing of an episode, be it of this batch or of an earlier one."""
        opened = self.opened.get((tenant, episode_id))
        if opened is None:
            self.ended[tenant, episode_id] = Ended(tenant, episode_id, closed_at)
        else:
            replaced = msgspec.structs.replace(opened, closed_at=closed_at)
            self.opened[tenant, episode_id] = replaced

    async def apply(self, conn: AsyncConnection) -> None:
        """Write the rows."""
        if self.opened:
            await driver(conn).execute(INSERT, *columns(self.opened.values(), Opened))
        if self.ended:
            await driver(conn).execute(UPDATE, *columns(self.ended.values(), Ended))


class CareHandler:
    """Keeps the table of episodes."""

    async def prepare(self, conn: AsyncConnection, events: Sequence[Incoming]) -> CarePlan:
        """The rows that `events` lead to; which of them are new has been decided before."""
        plan = CarePlan()
        for incoming in events:
            plan.take(incoming.envelope.tenant, leave_sealed(incoming.envelope).data)
        return plan


INSERT = """
INSERT INTO episodes
    (tenant, episode_id, client_id, age_group, opened_at, closed_at, external_hash)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[],
    $7::text[])
ON CONFLICT (tenant, episode_id) DO NOTHING
"""

UPDATE = """
UPDATE episodes SET closed_at = new.closed_at
FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS new (tenant, episode_id, closed_at)
WHERE episodes.tenant = new.tenant AND episodes.episode_id = new.episode_id
"""


def columns(rows: Iterable[msgspec.Struct], kind: type[msgspec.Struct]) -> list[list[object]]:
    """The rows as one list a column."""
    found = list(rows)
    return [[getattr(row, name) for row in found] for name in kind.__struct_fields__]
