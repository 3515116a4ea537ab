"""Fixtures of outcomes."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import MakeDatabase
from tests.integration.outcomes.home import Home, open_home


@pytest.fixture
async def home(make_database: MakeDatabase, redis_url: str) -> AsyncIterator[Home]:
    """Outcomes on databases of its own."""
    async with open_home(make_database, redis_url) as home:
        yield home


@pytest.fixture(scope="package")
async def shared_home(make_database: MakeDatabase, redis_url: str) -> AsyncIterator[Home]:
    """One outcomes for all tests that use tenants of their own."""
    async with open_home(make_database, redis_url) as home:
        yield home
