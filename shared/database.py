"""One database of one service: transactions that see exactly the tenants they name.

Row-level security is the second wall around a tenant (the first is the query itself). The policy
of every table reads the setting `heroic.tenants`, which a transaction sets for itself alone; a
transaction that does not set it sees nothing and can write nothing.

Workers must see whose turn it is before they can name a tenant: of a few tables, which hold nothing
but random ids, `worker_session` reads the rows of all. No web process asks for one.
"""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from shared.errors import Unavailable

APP_ROLE, READER_ROLE, INSPECT_ROLE = "heroic_app", "heroic_reader", "heroic_inspect"

TENANTS_SETTING, WORKER_SETTING = "heroic.tenants", "heroic.worker"

CONNECT_SECONDS = 5.0
COMMAND_SECONDS = 30.0
WAIT_FOR_CONNECTION_SECONDS = 5.0

# A forgotten transaction would hold up every relay of the server.
IDLE_MILLISECONDS = "10000"

# After a transaction that set it, a custom setting is the empty string rather than NULL, hence
# NULLIF. The sub-select makes it a constant of the statement instead of a parse a row.
VISIBLE = (
    f"tenant = ANY ((SELECT NULLIF(current_setting('{TENANTS_SETTING}', true), '')::text[])"
    "::text[])"
)

SEEN_BY_WORKERS = f"(SELECT current_setting('{WORKER_SETTING}', true)) = 'on'"

SET_WORKER = text(
    f"SELECT set_config('{TENANTS_SETTING}', '', true), set_config('{WORKER_SETTING}', 'on', true)"
)
SET_TENANTS = text(f"SELECT set_config('{TENANTS_SETTING}', :tenants, true)")

# What says "not now" rather than "never": the server or the way to it is away, busy or full.
TRANSIENT = (
    OSError,
    TimeoutError,
    PoolTimeout,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # A connection that was lost while nobody looked says this to the first who uses it.
    asyncpg.InternalClientError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.PostgresSystemError,
    asyncpg.PostgresIOError,
)


class Database:
    """A pool of connections to one database, in the role of its URL.

    Where the database is away, busy or full, whatever is done with it raises `Unavailable`.
    """

    def __init__(self, url: str, *, pool_size: int) -> None:
        self.url = url
        self.engine: AsyncEngine = create_async_engine(
            driver_url(url),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=WAIT_FOR_CONNECTION_SECONDS,
            connect_args={
                "timeout": CONNECT_SECONDS,
                "command_timeout": COMMAND_SECONDS,
                "server_settings": {"idle_in_transaction_session_timeout": IDLE_MILLISECONDS},
            },
        )

    @asynccontextmanager
    async def session(self, *tenants: str) -> AsyncGenerator[AsyncConnection]:
        """One transaction that sees the rows of `tenants` and no others; none: sees nothing."""
        with transient_is_unavailable():
            async with self.engine.begin() as connection:
                # Also where there is none: the driver begins the transaction with this statement.
                await connection.execute(SET_TENANTS, {"tenants": array_literal(tenants)})
                yield connection

    @asynccontextmanager
    async def raw(self) -> AsyncGenerator[asyncpg.Connection]:
        """A bare connection without a transaction, for functions that set their own tenants."""
        with transient_is_unavailable():
            async with self.engine.connect() as connection:
                bare = driver(connection)
                try:
                    yield bare
                finally:
                    # The pool has not seen what failed: it would hand out the dead one for ever.
                    if bare.is_closed():
                        await connection.invalidate()

    async def dispose(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


@asynccontextmanager
async def worker_session(database: Database) -> AsyncGenerator[AsyncConnection]:
    """One transaction of a worker that sees whose turn it is, of all tenants, and nothing else."""
    with transient_is_unavailable():
        async with database.engine.begin() as connection:
            await connection.execute(SET_WORKER)
            yield connection


def create_database(url: str, *, pool_size: int = 5) -> Database:
    """The database behind a `postgresql://` URL; connects when it is first used."""
    return Database(url, pool_size=pool_size)


def driver(connection: AsyncConnection) -> asyncpg.Connection:
    """The asyncpg connection below, in the same transaction (for COPY and arrays)."""
    sync = connection.sync_connection
    if sync is None:
        raise Unavailable("the connection is not open")
    return sync.connection.driver_connection


@contextmanager
def transient_is_unavailable() -> Iterator[None]:
    """Turn what a database raises when it is away, busy or full into `Unavailable`."""
    try:
        yield
    except DBAPIError as error:
        cause = getattr(error.orig, "__cause__", None)
        if error.connection_invalidated or is_transient(cause):
            raise Unavailable("the database is not available") from error
        raise
    except TRANSIENT as error:
        if not is_transient(error):
            raise
        raise Unavailable("the database is not available") from error


def is_transient(error: BaseException | None) -> bool:
    """Whether asyncpg or SQLAlchemy says "not now" with `error`, rather than "never"."""
    # A value that asyncpg cannot encode is an InterfaceError too, and a ValueError.
    return isinstance(error, TRANSIENT) and not isinstance(error, ValueError)


def driver_url(url: str) -> str:
    """The URL as SQLAlchemy wants it: with the name of the driver."""
    return urlunsplit(urlsplit(url)._replace(scheme="postgresql+asyncpg"))


def array_literal(values: Sequence[str | None]) -> str:
    """`values` as PostgreSQL writes an array of text; None is NULL.

    A long array is cheaper as one text (`$1::text::text[]`): of a list, the driver asks each
    element whether it is a list itself, which takes seven times as long.
    """
    try:
        joined = '","'.join(values)  # type: ignore[arg-type]  # None has a way of its own
    except TypeError:
        return _careful_literal(values)
    if not values or "\\" in joined or joined.count('"') > 2 * (len(values) - 1):
        return _careful_literal(values)
    return f'{{"{joined}"}}'


def _careful_literal(values: Sequence[str | None]) -> str:
    return "{" + ",".join("NULL" if value is None else _quoted(value) for value in values) + "}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class Operations(Protocol):
    """What migrations need of Alembic's `op`."""

    def execute(self, sqltext: str) -> object:
        """Run one statement."""


def wall(op: Operations, *tables: str) -> None:
    """Put the wall around tables that have a column `tenant`, in a migration."""
    for table in tables:
        for statement in tenant_policy_ddl(table):
            op.execute(statement)


def tenant_policy_ddl(table: str) -> list[str]:
    """The statements that put the wall around `table`, which has a column `tenant`."""
    return [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY tenant_wall ON {table} USING ({VISIBLE}) WITH CHECK ({VISIBLE})",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP_ROLE}",
        f"GRANT SELECT ON {table} TO {READER_ROLE}, {INSPECT_ROLE}",
    ]


def worker_policy_ddl(table: str) -> str:
    """The statement that lets workers read `table` to see whose turn it is, beside the wall."""
    return f"CREATE POLICY worker_looks ON {table} FOR SELECT USING ({SEEN_BY_WORKERS})"
