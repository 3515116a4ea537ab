"""One intake for all tests here; each test takes an organisation of its own."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import MakeDatabase
from tests.integration.intake.home import Caller, Intake, open_intake
from tests.integration.intake.house import House, telling


@pytest.fixture(scope="session")
async def intake(
    make_database: MakeDatabase, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Intake]:
    """Intake's web process."""
    own, keys = await make_database(), await make_database()
    folder = tmp_path_factory.mktemp("intake")
    async with open_intake(own, keys, redis_url, folder) as intake:
        yield intake


@pytest.fixture
async def caller(intake: Intake) -> Caller:
    """An organisation nobody else has."""
    return await intake.new_caller()


@pytest.fixture
async def stranger(intake: Intake) -> Caller:
    """Another organisation."""
    return await intake.new_caller("Strangers")


@pytest.fixture(scope="session")
async def listening(intake: Intake) -> AsyncIterator[None]:
    """What intake says is heard by its own tables of access."""
    async with telling(intake):
        yield


@pytest.fixture
def house(intake: Intake, caller: Caller, listening: None) -> House:
    """The organisation nobody else has, and its people."""
    return House(intake, caller)
