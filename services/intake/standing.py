"""With whom nobody works: clients who were erased, or whose data is only kept."""

from collections.abc import Collection

from shared.access.reach import Restricted
from shared.database import Database, driver
from shared.errors import Gone, HeroicError

# Of merged clients, all are kept where one is. Those are few, and have an index of their own.
CLOSED = """
WITH kept AS MATERIALIZED (
    SELECT access_united($1, ARRAY(
        SELECT client_id FROM access_clients WHERE tenant = $1 AND restricted
    )) AS id
)
SELECT asked.id, c.erased_at IS NOT NULL AS erased
FROM unnest($2::text[]) AS asked(id)
LEFT JOIN access_clients AS c ON c.tenant = $1 AND c.client_id = asked.id
WHERE c.erased_at IS NOT NULL OR asked.id IN (SELECT id FROM kept)
"""


async def closed(
    database: Database, tenant: str, client_ids: Collection[str]
) -> dict[str, HeroicError]:
    """Those of the clients with whom nobody works, and why, as the tables of access know it."""
    if not client_ids:
        return {}
    async with database.session(tenant) as conn:
        rows = await driver(conn).fetch(CLOSED, tenant, sorted(client_ids))
    return {row["id"]: _why(erased=row["erased"]) for row in rows}


def _why(*, erased: bool) -> HeroicError:
    if erased:
        return Gone("The client has been erased.")
    return Restricted("What is kept of this client is not worked with.")
