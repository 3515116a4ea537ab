"""An erasure as a service hears of it, and what is left of somebody in a database."""

import asyncpg
import msgspec

from shared.clock import utc_now
from shared.consuming import Incoming
from shared.contracts import decode, envelope_bytes
from shared.contracts.intake import ClientErased
from shared.ids import new_id

STAYS = {
    "access_clients",
    "access_principals",
    "audit",
    "consumed",
    "erasure_confirmations",
    "erasures",
    "events",
    "seen_events",
    "streams",
    "view_changes",
}
"""What outlives an erasure: ciphertext under a dead key, what was applied of which stream,
tombstones and receipts, who looked, and for an hour that a view has changed."""

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"


def erasure(tenant: str, client_id: str) -> Incoming:
    """Intake's word that a client is erased, as it would come out of Kafka."""
    data = ClientErased(request_id=new_id(), client_id=client_id, erased_at=utc_now())
    raw = envelope_bytes(
        event_type=ClientErased.type,
        event_id=new_id(),
        subject=client_id,
        recorded_at=utc_now(),
        tenant=tenant,
        stream=f"client-{client_id}",
        version=99,
        epoch=1,
        position=1,
        schema_version=1,
        correlation_id="test",
        causation_id=None,
        traceparent=None,
        data=msgspec.json.encode(data),
    )
    return Incoming("heroic.intake.events", 0, 99, raw, decode(raw))


async def left_of(connection: asyncpg.Connection, *ids: str) -> dict[str, int]:
    """How many rows of which tables name one of these ids, by a role that sees every tenant; what
    may stay is not looked at."""
    found = {}
    for [table] in await connection.fetch(TABLES):
        if table in STAYS:
            continue
        query = f'SELECT count(*) FROM "{table}" AS t WHERE t::text ~ $1'  # noqa: S608 - its own
        if count := await connection.fetchval(query, "|".join(ids)):
            found[table] = count
    return found
