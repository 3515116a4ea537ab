"""Whether a principal reaches a client, and what of the client they may see."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

import asyncpg
from sqlalchemy import text
from sqlalchemy.sql.elements import TextClause

from shared.contracts.intake import Purpose
from shared.database import Database, driver
from shared.errors import Forbidden, Gone, NotFound
from shared.security.policy import Permission
from shared.security.principal import Principal

Why = Literal["self", "related", "care", "team", "organisation", "integration"]


class Reached(NamedTuple):
    """Why somebody reaches a client, and whether they see names and words too."""

    why: Why
    names: bool = True
    words: bool = True


class ConsentWithheld(Forbidden):
    """The client does not agree to what the caller is."""

    code, title = "consent_withheld", "The client does not agree"


class Restricted(Forbidden):
    """The law demands keeping, and nobody works with it."""

    code, title = "restricted", "Kept, and not worked with"


# All that decides, in one look.
LOOK = """
WITH same AS MATERIALIZED (SELECT one.id FROM access_same($1, $2) AS one(id)),
now_caring AS MATERIALIZED (
    SELECT a.person_id FROM access_care AS a
    WHERE a.tenant = $1 AND a.client_id IN (SELECT id FROM same)
        AND (a.since IS NULL OR a.since <= now()) AND (a.until IS NULL OR a.until > now())
)
SELECT
    (
        SELECT erased_at FROM access_clients WHERE tenant = $1 AND client_id = $2
    ) AS erased_at,
    EXISTS (
        SELECT FROM access_clients
        WHERE tenant = $1 AND client_id IN (SELECT id FROM same) AND restricted
    ) AS restricted,
    CASE WHEN $4 = 'integration' THEN access_agrees($1, $2, 'integrations') END AS integrations,
    CASE WHEN $4 = 'person' THEN access_agrees($1, $2, 'supervision') END AS supervision,
    $3 IN (SELECT person_id FROM now_caring) AS cares,
    $4 = 'person' AND EXISTS (
        SELECT FROM now_caring WHERE person_id IN (SELECT access_carers($1, $3, true))
    ) AS of_team,
    $3 IN (SELECT id FROM same) AS is_self,
    related.relation, related.may_see
FROM (SELECT 1) AS one
LEFT JOIN access_related AS related
    ON related.tenant = $1 AND related.related_id = $3
        AND related.client_id IN (SELECT id FROM same)
"""

REACHABLE = """
({client} IN (SELECT access_closed(:access_tenant, :access_clinical))) IS NOT TRUE AND ({by})
"""
# As an array, so that the rows of these are found by the index: the planner takes what a function
# gives for many, and the wall for expensive, and would read everybody's.
BY_CARE = """{client} = ANY (ARRAY(
    SELECT access_clients_of(:access_tenant, :access_person, :access_team)
))"""
BY_SELF = """{client} = ANY (ARRAY(
    SELECT access_same(:access_tenant, :access_person)
    UNION ALL
    SELECT access_same(tenant, client_id) FROM access_related
    WHERE tenant = :access_tenant AND related_id = :access_person AND 'outcomes' = ANY (may_see)
))"""
BY_CONSENT = """(CASE WHEN (SELECT access_default(:access_tenant, 'integrations'))
    THEN ({client} IN (SELECT access_refusing(:access_tenant, 'integrations'))) IS NOT TRUE
    ELSE {client} IN (SELECT access_giving(:access_tenant, 'integrations'))
END)"""


class Access:
    """The tables of access of one service, as requests ask them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def look(
        self, principal: Principal, permission: Permission, client_id: str, *, reading: bool = True
    ) -> Reached:
        """Why `principal` reaches the client within `permission`.

        Raises NotFound where they do not, Gone for who is erased, Restricted, and ConsentWithheld
        for a machine that reads what the client does not give to machines.
        """
        async with self._database.session(principal.tenant) as conn:
            asked = principal.tenant, client_id, principal.id, principal.kind
            row = await driver(conn).fetchrow(LOOK, *asked)
        reached = _reached(principal, permission, row)
        if reached is None:
            raise NotFound("There is no such client.")
        if row["erased_at"] is not None:
            raise Gone("The client has been erased.")
        if row["restricted"] and permission.clinical:
            raise Restricted("What is kept of this client is not worked with.")
        withheld = reached.why == "integration" and permission.clinical and not row["integrations"]
        if withheld and reading:
            raise ConsentWithheld("The client does not give this to machines.")
        return reached

    async def agrees(self, tenant: str, client_ids: Iterable[str], purpose: Purpose) -> set[str]:
        """Those of the clients who agree to a purpose."""
        async with self._database.session(tenant) as conn:
            return await agreeing(driver(conn), tenant, client_ids, purpose)


async def agreeing(
    conn: asyncpg.Connection, tenant: str, client_ids: Iterable[str], purpose: Purpose
) -> set[str]:
    """Those of the clients who agree to a purpose, on the caller's transaction."""
    rows = await conn.fetch(AGREEING, tenant, sorted(set(client_ids)), purpose)
    return {row["id"] for row in rows}


# One look at all decisions: `access_agrees` of each would take a tenth of a millisecond.
AGREEING = """
SELECT id FROM unnest($2::text[]) AS asked(id)
WHERE CASE WHEN (SELECT access_default($1, $3))
    THEN id NOT IN (SELECT access_refusing($1, $3)) ELSE id IN (SELECT access_giving($1, $3))
END
"""


def reachable(principal: Principal, permission: Permission, client: str) -> TextClause:
    """The condition of a query that `client` (an SQL expression) is within reach.

    Its parameters begin with `access_`. The caller's own wall around the tenant stays.
    """
    found = principal.reach(permission)
    ways: list[str] = []
    if "organisation" in found:
        is_machine = principal.kind == "integration"
        ways.append(BY_CONSENT if is_machine and permission.clinical else "true")
    if found & {"caseload", "team"}:
        ways.append(BY_CARE)
    if "own" in found:
        ways.append(BY_SELF)
    by = " OR ".join(ways) or "false"
    sql = REACHABLE.replace("{by}", f"({by})").replace("{client}", client)
    given = {
        "access_tenant": principal.tenant,
        "access_person": principal.id,
        "access_team": "team" in found,
        "access_clinical": permission.clinical,
    }
    used = {name: value for name, value in given.items() if f":{name}" in sql}
    return text(sql).bindparams(**used)


def _reached(principal: Principal, permission: Permission, row: asyncpg.Record) -> Reached | None:
    found = principal.reach(permission)
    if "organisation" in found:
        return Reached("integration" if principal.kind == "integration" else "organisation")
    if row["cares"] and found & {"caseload", "team"}:
        return Reached("care")
    if row["of_team"] and "team" in found:
        return Reached("team", names=row["supervision"], words=row["supervision"])
    if "own" in found and row["is_self"]:
        return Reached("self")
    if "own" in found and "outcomes" in (row["may_see"] or ()):
        if permission.guardian and row["relation"] != "guardian":
            return None
        return Reached("related", words="words" in row["may_see"])
    return None
