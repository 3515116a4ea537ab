"""Fixtures of tests that look at the whole platform from outside."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.front_door import FrontDoor
from tests.support.observed import Observed, observed


@pytest.fixture(scope="package")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """The platform, its traces collected; few things happen in it, so that they can be told."""
    with observed(tmp_path_factory.mktemp("observed")) as platform:
        yield platform


@pytest.fixture
async def door(platform: Observed) -> AsyncIterator[FrontDoor]:
    """The first organisation's integration."""
    door = FrontDoor(platform.up)
    yield door
    await door.close()
