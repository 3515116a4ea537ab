"""Fixtures of outcomes."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import MakeDatabase
from tests.integration.outcomes.home import Home, open_home


@pytest.fixture
async def home(make_database: MakeDatabase, redis_url: str) -> AsyncIterator[Home]:
    """Outcomes on a database of its own."""
    async with open_home(make_database, redis_url) as home:
        yield home
