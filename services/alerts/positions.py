"""Reads that are at least as new as a write: `min_position`.

A position of feedback means what a submission itself says (risk), one of outcomes what its rules
say. Of what alerts itself has written, reads are never behind.
"""

import asyncio

from shared.database import Database, driver
from shared.errors import FieldError, Invalid, NotYetHere
from shared.eventstore.position import Position, decode_position

WAIT_SECONDS = 2.0
POLL_SECONDS = 0.02

OF_FEEDBACK = "SELECT version FROM taken WHERE tenant = $1 AND stream = $2"
OF_OUTCOMES = """
SELECT version FROM consumed
WHERE tenant = $1 AND group_name = 'alerts.rules' AND stream = $2
"""
SOURCES = {"feedback": OF_FEEDBACK, "outcomes": OF_OUTCOMES}


async def reached(database: Database, tenant: str, text: str) -> None:
    """Wait until alerts has taken in what the position `text` names; or NotYetHere."""
    position = decode_position(text)
    if position.service == "alerts":
        return
    query = SOURCES.get(position.service)
    if query is None:
        detail = "Alerts are not made of what this position belongs to."
        raise Invalid(errors=[FieldError("/min_position", detail, "position")])
    deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
    while not await _holds(database, tenant, position, query):
        if asyncio.get_running_loop().time() > deadline:
            raise NotYetHere
        await asyncio.sleep(POLL_SECONDS)


async def _holds(database: Database, tenant: str, position: Position, query: str) -> bool:
    async with database.session(tenant) as conn:
        version = await driver(conn).fetchval(query, tenant, position.stream)
    return version is not None and version >= position.version
