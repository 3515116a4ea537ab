"""No table of any database lacks row-level security, told by PostgreSQL's own catalogue.

A table without a tenant says here why: whoever adds one has to.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping

import asyncpg
import pytest

from deploy.setup.databases import SERVICES, DatabaseUrls
from shared.database import (
    TENANTS_SETTING,
    create_database,
    driver,
    worker_session,
)
from shared.ids import new_id
from shared.migrations import upgrade
from shared.privacy import migrate_keys
from tests.conftest import MakeDatabase

Databases = Mapping[str, DatabaseUrls]

OF_NO_TENANT = {
    "alembic_version": "which migrations have run",
    "installation": "which epoch the event store is in, since its last restore",
    "relay_checkpoint": "up to where events are in Kafka",
    "consumer_checkpoints": "up to where partitions are consumed: numbers of Kafka's alone",
    "projections": "which version of the views is shown to everybody",
}

SEEN_BY_WORKERS = {"replays", "due", "tenants"}
"""Where a worker sees whose turn it is: nothing but random ids and times."""

TABLES = """
SELECT c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced,
    EXISTS (
        SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant'
            AND a.attnotnull
    ) AS of_tenant,
    c.relowner::regrole::text AS owner,
    ARRAY(
        SELECT ROW(
            p.polname, p.polpermissive, p.polcmd::text, p.polroles = '{0}',
            pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)
        )
        FROM pg_policy p WHERE p.polrelid = c.oid ORDER BY p.polname
    ) AS policies
FROM pg_class c
WHERE c.relkind IN ('r', 'p', 'm', 'f') AND c.relnamespace = 'public'::regnamespace
"""

# Views see with their owner's rights unless they say otherwise; functions likewise.
WAYS_AROUND = """
SELECT relname AS name FROM pg_class
WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace
    AND NOT coalesce('security_invoker=true' = ANY (reloptions), false)
UNION ALL
SELECT proname FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND prosecdef
"""

TENANT_FIRST = """
SELECT i.indexrelid::regclass::text AS name FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid AND c.relnamespace = 'public'::regnamespace
JOIN pg_attribute t ON t.attrelid = c.oid AND t.attname = 'tenant'
WHERE i.indisprimary AND i.indkey[0] <> t.attnum
"""

ROLES = """
SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname LIKE 'heroic%'
"""


@pytest.fixture(scope="module")
async def databases(make_database: MakeDatabase) -> Databases:
    """All five, as migrations make them."""
    names = (*SERVICES, "keys")
    found = dict(zip(names, await asyncio.gather(*(make_database() for _ in names)), strict=True))
    for service in SERVICES:
        await upgrade(service, found[service].owner)
    await migrate_keys(found["keys"].owner)
    return found


@pytest.fixture(params=(*SERVICES, "keys"))
async def catalogue(
    databases: Databases, request: pytest.FixtureRequest
) -> AsyncIterator[asyncpg.Connection]:
    """One of them, as its owner."""
    connection = await asyncpg.connect(databases[request.param].owner)
    yield connection
    await connection.close()


async def test_every_table_of_a_tenant_forces_the_wall(catalogue: asyncpg.Connection) -> None:
    tables = await catalogue.fetch(TABLES)
    assert tables
    for table in tables:
        name = table["name"]
        if not table["of_tenant"]:
            assert name in OF_NO_TENANT, f"{name} has no tenant and no reason"
            continue
        assert table["forced"], f"{name} has no row-level security"
        assert table["owner"] == "heroic_owner", name
        policies = [tuple(policy) for policy in table["policies"]]
        [wall] = [policy for policy in policies if policy[0] == "tenant_wall"]
        _, _, command, everybody, sees, writes = wall
        assert (command, everybody) == ("*", True), name
        for condition in (sees, writes):
            assert condition.startswith("(tenant = ANY"), (name, condition)
            assert f"'{TENANTS_SETTING}'" in condition, (name, condition)
        others = [policy[:3] for policy in policies if policy is not wall]
        workers = [("worker_looks", True, "r")] if name in SEEN_BY_WORKERS else []
        assert others == workers, name


async def test_nothing_sees_around_the_wall(catalogue: asyncpg.Connection) -> None:
    assert await catalogue.fetch(WAYS_AROUND) == []
    roles = {role["rolname"]: tuple(role)[1:] for role in await catalogue.fetch(ROLES)}
    assert not any(superuser for superuser, _ in roles.values())
    seeing = {name for name, (_, sees_all) in roles.items() if sees_all}
    assert seeing <= {"heroic_reader", "heroic_inspect"}


async def test_keys_begin_with_the_tenant(catalogue: asyncpg.Connection) -> None:
    assert [row["name"] for row in await catalogue.fetch(TENANT_FIRST)] == []


async def test_the_audit_can_be_added_to_and_nothing_else(databases: Databases) -> None:
    for service in SERVICES:
        for url in (databases[service].app, databases[service].reader):
            connection = await asyncpg.connect(url)
            for statement in (
                "UPDATE audit SET why = ''",
                "DELETE FROM audit",
                "TRUNCATE audit",
                "ALTER TABLE audit DISABLE ROW LEVEL SECURITY",
                "DROP TABLE audit",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
            await connection.close()


async def test_a_worker_sees_whose_turn_it_is_and_changes_nothing(databases: Databases) -> None:
    database = create_database(databases["alerts"].app)
    tenant = new_id()
    async with database.session(tenant) as conn:
        await driver(conn).execute("INSERT INTO tenants VALUES ($1)", tenant)
    async with database.session() as conn:
        assert await driver(conn).fetch("SELECT FROM tenants") == []
    async with worker_session(database) as conn:
        raw = driver(conn)
        assert [row["tenant"] for row in await raw.fetch("SELECT tenant FROM tenants")] == [tenant]
        assert await raw.execute("DELETE FROM tenants") == "DELETE 0"
        assert await raw.fetch("SELECT FROM clients") == []
    # The setting ends with its transaction: the connection goes back to the pool without it.
    async with database.session() as conn:
        assert await driver(conn).fetch("SELECT FROM tenants") == []
    await database.dispose()
