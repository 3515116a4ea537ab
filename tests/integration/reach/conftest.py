"""The tables of access; each test is an organisation of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.access import Access
from shared.database import create_database
from shared.migrations import upgrade_from
from tests.conftest import MakeDatabase
from tests.integration.reach.home import Home


@pytest.fixture(scope="package")
async def shared_home(make_database: MakeDatabase) -> AsyncIterator[Home]:
    """The database for all tests here."""
    urls = await make_database()
    await upgrade_from(Path(__file__).with_name("migrations"), urls.owner)
    database = create_database(urls.app)
    yield Home(urls, database, Access(database))
    await database.dispose()


@pytest.fixture
def home(shared_home: Home) -> Home:
    """An organisation that knows nobody yet."""
    return shared_home.another()
