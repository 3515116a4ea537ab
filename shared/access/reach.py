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
SELECT c.erased_at, c.restricted,
    access_agrees($1, $2, 'integrations') AS integrations,
    access_agrees($1, $2, 'supervision') AS supervision,
    EXISTS (
        SELECT FROM access_care AS a
        WHERE a.tenant = $1 AND a.client_id IN (SELECT access_same($1, $2)) AND a.person_id = $3
            AND (a.since IS NULL OR a.since <= now()) AND (a.until IS NULL OR a.until > now())
    ) AS cares,
    EXISTS (
        SELECT FROM access_care AS a
        WHERE a.tenant = $1 AND a.client_id IN (SELECT access_same($1, $2))
            AND a.person_id IN (SELECT access_carers($1, $3, true))
            AND (a.since IS NULL OR a.since <= now()) AND (a.until IS NULL OR a.until > now())
    ) AS of_team,
    $3 IN (SELECT access_same($1, $2)) AS is_self,
    (
        SELECT may_see FROM access_related
        WHERE tenant = $1 AND related_id = $3 AND client_id IN (SELECT access_same($1, $2))
    ) AS may_see
FROM (SELECT 1) AS one
LEFT JOIN access_clients AS c ON c.tenant = $1 AND c.client_id = $2
"""

REACHABLE = """
EXISTS (
    SELECT FROM access_clients AS reached
    WHERE reached.tenant = :access_tenant AND reached.client_id = {client}
        AND (reached.erased_at IS NOT NULL OR reached.restricted)
) IS NOT TRUE AND {by}
"""
BY_CARE = "{client} IN (SELECT access_clients_of(:access_tenant, :access_person, :access_team))"
BY_SELF = """(
    {client} IN (SELECT access_same(:access_tenant, :access_person))
    OR {client} IN (
        SELECT access_same(tenant, client_id) FROM access_related
        WHERE tenant = :access_tenant AND related_id = :access_person
            AND 'outcomes' = ANY (may_see)
    )
)"""
BY_CONSENT = "access_agrees(:access_tenant, {client}, 'integrations')"


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
            row = await driver(conn).fetchrow(LOOK, principal.tenant, client_id, principal.id)
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


AGREEING = "SELECT id FROM unnest($2::text[]) AS asked(id) WHERE access_agrees($1, id, $3)"


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
        return Reached("related", words="words" in row["may_see"])
    return None
