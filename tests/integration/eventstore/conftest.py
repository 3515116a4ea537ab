"""An event store that runs, on a database of its own."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import MakeDatabase
from tests.support.eventstore import Home, migrated, open_home


@pytest.fixture(scope="session")
async def home(make_database: MakeDatabase) -> AsyncIterator[Home]:
    """One store for all tests of a session: each uses streams of its own."""
    urls, keys = await migrated(make_database)
    async with open_home(urls, keys) as home:
        yield home
