"""One platform for all tests here, with two organisations of which one has what the other has."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import MakeDatabase
from tests.integration.access.world import World, make_world
from tests.support.platform import Ground, Platform, lay_ground, open_platform


@pytest.fixture(scope="package")
async def ground(
    make_database: MakeDatabase, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Ground:
    """The databases of all."""
    return await lay_ground(make_database, redis_url, tmp_path_factory.mktemp("platform"))


@pytest.fixture(scope="package")
async def platform(ground: Ground) -> AsyncIterator[Platform]:
    """The four services in this process."""
    async with open_platform(ground) as platform:
        yield platform


@pytest.fixture(scope="package")
async def worlds(platform: Platform) -> tuple[World, World]:
    """Two organisations with the same in them, by the same outside names."""
    return await make_world(platform, "Alder"), await make_world(platform, "Birch")
