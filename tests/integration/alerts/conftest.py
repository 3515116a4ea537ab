"""Fixtures of alerts."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import MakeDatabase
from tests.integration.alerts.home import Home, open_home


@pytest.fixture(scope="package")
async def shared_home(make_database: MakeDatabase, redis_url: str) -> AsyncIterator[Home]:
    """One alerts service for the tests of this package: each test has a tenant of its own."""
    async with open_home(make_database, redis_url) as home:
        yield home


@pytest.fixture
def home(shared_home: Home) -> Home:
    """The service as a tenant that nobody else has used sees it."""
    return shared_home.as_new_tenant()
