"""Fixtures that every test may use: the real stack, started once a session and only if asked for.

`make_database()` gives a fresh database with the login roles of `deploy.setup.databases`, so tests
never meet each other's rows. Topics are made by the tests that need them, with names of their own.
"""

import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import asyncpg
import pytest

from deploy.setup import databases
from deploy.setup.databases import DatabaseUrls
from tests.stack import Stack, open_stack
from tests.support.heroic import Heroic

pytest_plugins = ["tests.support.clinical_safety"]

# Known to all, since several sessions may share one external stack.
ROLE_PASSWORDS = dict.fromkeys(databases.ROLES, "heroic-test")

MakeDatabase = Callable[[], Awaitable[DatabaseUrls]]


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Real PostgreSQL, Redis and Kafka."""
    with open_stack() as stack:
        yield stack


@pytest.fixture(scope="session")
def kafka(stack: Stack) -> str:
    """The bootstrap address of the broker, `host:port`."""
    return stack.kafka


@pytest.fixture(scope="session")
def redis_url(stack: Stack) -> str:
    """The address of Redis."""
    return stack.redis_url


@pytest.fixture(scope="session")
def heroic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Heroic]:
    """The whole platform as `HEROIC_SAMPLE=0 make up` starts it; always on parts of its own."""
    installation = Heroic(tmp_path_factory.mktemp("heroic") / "home")
    result = installation.make("up")
    assert result.returncode == 0, result.stdout + result.stderr
    yield installation
    installation.make("clean")


@pytest.fixture(scope="session")
async def make_database(stack: Stack) -> AsyncIterator[MakeDatabase]:
    """A factory of fresh databases; they are dropped when the session ends."""
    admin = stack.postgres_admin_dsn
    made: list[str] = []
    await databases.create_roles(admin, ROLE_PASSWORDS)

    async def make() -> DatabaseUrls:
        name = f"heroic_test_{uuid.uuid4().hex[:12]}"
        await databases.create_database(admin, name)
        made.append(name)
        return databases.urls(admin, ROLE_PASSWORDS, name)

    yield make
    if os.environ.get("HEROIC_KEEP_DATABASES"):
        return
    connection = await asyncpg.connect(admin)
    for name in made:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    await connection.close()
