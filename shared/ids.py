"""Identifiers: UUIDv7 for what is new, UUIDv5 for what follows from something else."""

from datetime import UTC, datetime
from uuid import UUID, uuid5

import uuid_utils

HEROIC = UUID("0b6c7a5e-3f39-5c52-9b3e-6a0f5d0c9e11")
"""Namespace of every derived id."""


def new_id() -> str:
    """A UUIDv7: unique, and ordered by the millisecond in which it was made."""
    return str(uuid_utils.uuid7())


def derived_id(*parts: str) -> str:
    """The UUIDv5 of `parts`: the same cause and rule give the same id, however often."""
    return str(uuid5(HEROIC, "\x1f".join(parts)))


def id_time(value: str) -> datetime | None:
    """The millisecond in which a UUIDv7 was made (UTC); None for ids of other versions."""
    uid = UUID(value)
    if uid.version != 7:
        return None
    return datetime.fromtimestamp((uid.int >> 80) / 1000, UTC)


def id_floor(moment: datetime) -> str:
    """No UUIDv7 that was made at `moment` or later sorts before this."""
    hexed = f"{max(0, int(moment.timestamp() * 1000)):012x}"
    return f"{hexed[:8]}-{hexed[8:]}-7000-8000-000000000000"


def is_id(value: str) -> bool:
    """Whether `value` is a UUID in its canonical form."""
    try:
        return str(UUID(value)) == value
    except ValueError:
        return False
