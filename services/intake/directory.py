"""Who there is in an organisation: its people and machines, by the heads of their streams.

A head is written with the stream's first event, so that a list shows what was made a moment ago,
and there is nothing to keep in step. Ids are in the order in which they were made.
"""

from typing import Literal

from shared.database import Database, driver

Kind = Literal["person", "integration"]

# Each has an index of its own, which is entered only by its very condition.
STREAMS: dict[Kind, str] = {
    "person": """
SELECT stream FROM streams
WHERE tenant = $1 AND starts_with(stream, 'person-') AND stream COLLATE "C" > $2
ORDER BY stream COLLATE "C" LIMIT $3
""",
    "integration": """
SELECT stream FROM streams
WHERE tenant = $1 AND starts_with(stream, 'integration-') AND stream COLLATE "C" > $2
ORDER BY stream COLLATE "C" LIMIT $3
""",
}

# The table of access follows events within a second; what an episode says itself decides.
LED = """
SELECT episode_id FROM access_care
WHERE tenant = $1 AND person_id = $2 AND role = 'lead' AND (until IS NULL OR until > now())
ORDER BY episode_id
"""


class Directory:
    """Looks up who there is, one tenant at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def streams(self, tenant: str, kind: Kind, after: str, limit: int) -> list[str]:
        """The next streams of this kind after the id `after` (empty: from the first one)."""
        async with self._database.session(tenant) as conn:
            rows = await driver(conn).fetch(STREAMS[kind], tenant, f"{kind}-{after}", limit)
        return [row["stream"] for row in rows]

    async def all_streams(self, tenant: str, kind: Kind) -> list[str]:
        """All of them."""
        async with self._database.session(tenant) as conn:
            rows = await driver(conn).fetch(STREAMS[kind], tenant, f"{kind}-", None)
        return [row["stream"] for row in rows]

    async def led_by(self, tenant: str, person_id: str) -> list[str]:
        """The episodes, closed ones among them, whose lead the person was at last hearing."""
        async with self._database.session(tenant) as conn:
            rows = await driver(conn).fetch(LED, tenant, person_id)
        return [row["episode_id"] for row in rows]
