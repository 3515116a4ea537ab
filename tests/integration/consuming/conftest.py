from collections.abc import AsyncIterator

import pytest

from deploy.setup.databases import DatabaseUrls
from tests.conftest import MakeDatabase
from tests.integration.consuming.home import Home, migrated, open_home


@pytest.fixture(scope="session")
async def toy_urls(make_database: MakeDatabase) -> DatabaseUrls:
    return await migrated(make_database)


@pytest.fixture
async def home(kafka: str, toy_urls: DatabaseUrls) -> AsyncIterator[Home]:
    async with open_home(kafka, toy_urls) as home:
        yield home
