"""Login roles and databases: one database a service, one for keys, four roles in all.

| role | may |
|---|---|
| `heroic_owner` | own and change the tables: migrations |
| `heroic_app` | read and write rows of the tenants that it names (row-level security) |
| `heroic_reader` | read every tenant; write its checkpoints: relay, rebuild, backup |
| `heroic_inspect` | read every tenant, nothing else: what `up.json` gives away |
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

OWNER, APP, READER, INSPECT = "heroic_owner", "heroic_app", "heroic_reader", "heroic_inspect"
ROLES = {
    OWNER: "NOBYPASSRLS",
    APP: "NOBYPASSRLS",
    READER: "BYPASSRLS",
    INSPECT: "BYPASSRLS",
}
SERVICES = ("intake", "feedback", "outcomes", "alerts")
DATABASES = (*(f"heroic_{service}" for service in SERVICES), "heroic_keys")

# Any number: who changes roles of a cluster takes this lock, since catalogue rows are not queued.
ROLES_LOCK = 0x48455230


@dataclass(frozen=True)
class DatabaseUrls:
    """The DSNs of one database, one a role."""

    owner: str
    app: str
    reader: str
    inspect: str


async def create_roles(admin_dsn: str, passwords: Mapping[str, str]) -> None:
    """Make the four roles, or give the present ones these passwords; idempotent."""
    connection = await asyncpg.connect(admin_dsn)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", ROLES_LOCK)
            for role, attribute in ROLES.items():
                known = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname=$1", role)
                verb = "ALTER" if known else "CREATE"
                secret = await connection.fetchval("SELECT quote_literal($1)", passwords[role])
                await connection.execute(
                    f"{verb} ROLE {role} LOGIN NOINHERIT {attribute} PASSWORD {secret}"
                )
    finally:
        await connection.close()


async def create_database(admin_dsn: str, name: str) -> None:
    """Make the database `name` with the rights of the roles in it; idempotent."""
    connection = await asyncpg.connect(admin_dsn)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname=$1", name):
            await connection.execute(f'CREATE DATABASE "{name}" OWNER {OWNER}')
        await connection.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
        readers = f"{APP}, {READER}, {INSPECT}"
        await connection.execute(f'GRANT CONNECT ON DATABASE "{name}" TO {readers}')
    finally:
        await connection.close()
    connection = await asyncpg.connect(with_database(admin_dsn, name))
    try:
        await connection.execute(DEFAULT_RIGHTS)
    finally:
        await connection.close()


DEFAULT_RIGHTS = f"""
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO {OWNER};
GRANT USAGE ON SCHEMA public TO {APP}, {READER}, {INSPECT};
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER}
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {APP};
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} GRANT SELECT ON TABLES TO {READER}, {INSPECT};
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} GRANT USAGE ON SEQUENCES TO {APP}, {READER};
"""


async def set_up(
    admin_dsn: str, passwords: Mapping[str, str], names: Iterable[str] = DATABASES
) -> None:
    """Make roles and databases; idempotent."""
    await create_roles(admin_dsn, passwords)
    for name in names:
        await create_database(admin_dsn, name)


def urls(admin_dsn: str, passwords: Mapping[str, str], name: str) -> DatabaseUrls:
    """The DSNs of the database `name` on the server of `admin_dsn`."""
    parts = urlsplit(admin_dsn)
    host = parts.netloc.rpartition("@")[2]
    return DatabaseUrls(
        *(
            urlunsplit(
                parts._replace(netloc=f"{role}:{quote(passwords[role])}@{host}", path=f"/{name}")
            )
            for role in (OWNER, APP, READER, INSPECT)
        )
    )


def password_variable(role: str) -> str:
    """The environment variable that holds the password of a login role."""
    return f"{role.upper()}_PASSWORD"


def with_database(dsn: str, name: str) -> str:
    """`dsn` with another database."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))
