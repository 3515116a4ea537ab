"""From stored rows back to events."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from shared.contracts import CATALOGUE, Event, Recorded
from shared.privacy import Keyring, SubjectRef, open_wire

# Each names its tenant once more, next to the wall: an index is entered by it.
HEADS = "SELECT * FROM heroic_heads($1, $2)"
READ = "SELECT * FROM heroic_read($1, $2, $3)"
RESPONSE = "SELECT * FROM heroic_stored_response($1, $2, $3)"

# Inside a caller's transaction, whose tenants these functions would replace.
HEADS_IN = """SELECT stream, version, ref, subject FROM streams
    WHERE tenant = $1 AND stream = ANY ($2)"""
READ_IN = """SELECT * FROM events WHERE tenant = $1 AND stream = ANY ($2) AND version > $3
    ORDER BY stream, version"""


async def open_rows(
    rows: Sequence[asyncpg.Record], keyring: Keyring, epoch: int
) -> list[Recorded[Event]]:
    """The events of `rows` in order, private parts opened; one query for all keys.

    `private` is None where the subject is erased.
    """
    wires = [CATALOGUE.decode_data(row["type"], row["schema_version"], row["data"]) for row in rows]
    refs: set[SubjectRef] = {
        (row["tenant"], wire.private.sub)
        for row, wire in zip(rows, wires, strict=True)
        if wire.private is not None
    }
    ciphers = await keyring.load(refs) if refs else {}
    return [
        recorded(
            row,
            epoch,
            open_wire(
                row["type"],
                row["schema_version"],
                wire,
                ciphers,
                tenant=row["tenant"],
                stream=row["stream"],
                event_id=str(row["id"]),
            ),
        )
        for row, wire in zip(rows, wires, strict=True)
    ]


def recorded(row: Any, epoch: int, event: Event) -> Recorded[Event]:
    """`event` with the envelope of its row."""
    return Recorded(
        id=str(row["id"]),
        tenant=row["tenant"],
        subject=row["subject"],
        stream=row["stream"],
        version=row["version"],
        recorded_at=row["recorded_at"],
        epoch=epoch,
        position=row["position"],
        correlation_id=row["correlation_id"],
        causation_id=row["causation_id"],
        traceparent=row["traceparent"],
        data=event,
    )
