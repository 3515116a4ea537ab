"""One platform for all tests here; each test takes an organisation of its own."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import MakeDatabase
from tests.integration.staff.house import House, new_house
from tests.support.platform import Platform, lay_ground, open_platform


@pytest.fixture(scope="package")
async def platform(
    make_database: MakeDatabase, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Platform]:
    """The four services in this process."""
    ground = await lay_ground(make_database, redis_url, tmp_path_factory.mktemp("platform"))
    async with open_platform(ground) as platform:
        yield platform


@pytest.fixture
async def house(platform: Platform) -> House:
    """An organisation nobody else has."""
    return await new_house(platform)


@pytest.fixture
async def neighbours(platform: Platform) -> House:
    """Another organisation."""
    return await new_house(platform)
