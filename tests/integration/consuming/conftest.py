from collections.abc import AsyncIterator

import pytest

from tests.conftest import MakeDatabase
from tests.integration.consuming.home import Home, open_home


@pytest.fixture
async def home(kafka: str, make_database: MakeDatabase) -> AsyncIterator[Home]:
    async with open_home(kafka, make_database) as home:
        yield home
