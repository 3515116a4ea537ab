"""A store, a topic of its own and relays that run."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from shared.topics import ensure_topics
from tests.conftest import MakeDatabase
from tests.support.eventstore import Home, migrated, open_home


@pytest.fixture
async def service(kafka: str) -> str:
    """A service with a topic of its own."""
    name = f"test-{uuid4().hex[:8]}"
    await ensure_topics(kafka, name)
    return name


@pytest.fixture
async def home(make_database: MakeDatabase) -> AsyncIterator[Home]:
    """A store of its own, since the checkpoint is one a database."""
    async with open_home(*await migrated(make_database)) as home:
        yield home
