"""Counts events, and derives one event from each that a writer wrote."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.consuming import Incoming, Plan
from shared.contracts.feedback import RatingDeclined
from shared.contracts.outcomes import AssessmentWithdrawn
from shared.database import driver
from shared.eventstore import Append, EventStore, NewEvent, Write
from shared.ids import derived_id

TALLY = """
INSERT INTO tallies AS t (tenant, stream, n, versions) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant, stream) DO UPDATE
    SET n = t.n + EXCLUDED.n, versions = t.versions || EXCLUDED.versions
"""

Key = tuple[str, str]


class Tally(Plan):
    """The counts of one batch."""

    def __init__(self) -> None:
        self.writes: list[Write] = []
        self.versions: defaultdict[Key, list[int]] = defaultdict(list)

    async def apply(self, conn: AsyncConnection) -> None:
        """Add them to those that are there."""
        rows = [(*key, len(found), found) for key, found in sorted(self.versions.items())]
        await driver(conn).executemany(TALLY, rows)


class Tallier:
    """The handler."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def prepare(self, conn: AsyncConnection, events: Sequence[Incoming]) -> Plan:
        """Count everything; derive from what a writer wrote."""
        plan = Tally()
        causes: defaultdict[Key, list[Incoming]] = defaultdict(list)
        for one in events:
            header = one.envelope
            plan.versions[header.tenant, header.stream].append(header.streamversion)
            if header.event_type == RatingDeclined.type:
                causes[header.tenant, f"assessment-{header.subject}"].append(one)
        for (tenant, stream), found in causes.items():
            heads = await self._store.heads_in(conn, tenant, [stream])
            expected = heads[stream].version if stream in heads else 0
            plan.writes.append(Write(tenant=tenant, appends=[derive(stream, expected, found)]))
        return plan


def derive(stream: str, expected: int, causes: Sequence[Incoming]) -> Append:
    """One event for each cause; its id follows from that of the cause."""
    client = causes[0].envelope.subject
    events = [
        NewEvent(
            id=derived_id("derived", one.envelope.id),
            causation_id=one.envelope.id,
            data=AssessmentWithdrawn(
                rating_id=one.envelope.id,
                episode_id=client,
                client_id=client,
                series="toy",
                measure="ors",
            ),
        )
        for one in causes
    ]
    return Append(
        tenant=causes[0].envelope.tenant,
        stream=stream,
        expected=expected,
        events=events,
        subject=client,
        secret_of=client,
    )
