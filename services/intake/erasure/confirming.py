"""Group `intake.erasures`: what the other services say of having forgotten a client."""

from collections.abc import Sequence
from datetime import datetime

from faststream.kafka import KafkaBroker
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.erasure import table
from shared.consuming import Consumer, Incoming, Plan
from shared.contracts import alerts, feedback, outcomes
from shared.database import Database, driver
from shared.privacy import leave_sealed
from shared.topics import topic

GROUP = "intake.erasures"

SERVICES = {
    feedback.ClientPurged: "feedback",
    outcomes.ClientPurged: "outcomes",
    alerts.ClientPurged: "alerts",
}
"""Who says it, by what they say: a receipt is complete once all of them have."""


class Confirmations(Plan):
    """The rows of a batch (tenant, client id, service, since when)."""

    def __init__(self, rows: Sequence[tuple[str, str, str, datetime]]) -> None:
        self.rows = rows

    async def apply(self, conn: AsyncConnection) -> None:
        """Write them; the first word of a service stands."""
        await driver(conn).executemany(table.CONFIRM, self.rows)


class ConfirmingHandler:
    """Keeps the confirmations of receipts."""

    async def prepare(self, conn: AsyncConnection, events: Sequence[Incoming]) -> Confirmations:
        """The rows that `events` lead to."""
        rows = []
        for one in (leave_sealed(incoming.envelope) for incoming in events):
            service = SERVICES.get(type(one.data))
            if service is not None:
                client_id = getattr(one.data, "client_id")  # noqa: B009 - of three types
                rows.append((one.tenant, client_id, service, one.recorded_at))
        return Confirmations(rows)


GATHER_SECONDS = 1.0
"""It meets every event of three services, and nobody waits for a receipt so closely."""


def confirming_consumer(database: Database, broker: KafkaBroker) -> Consumer:
    """The consumer that listens to who has forgotten whom, and to nothing else."""
    return Consumer(
        group=GROUP,
        topics=[topic(service) for service in SERVICES.values()],
        handler=ConfirmingHandler(),
        database=database,
        store=None,
        broker=broker,
        versions=False,
        only=[event.type for event in SERVICES],
        gather_seconds=GATHER_SECONDS,
    )
