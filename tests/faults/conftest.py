from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from deploy.local.parts import parts_below, stop_all
from tests.faults.installation import Stand, Toy, open_toy


@pytest.fixture(scope="session")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Parts of their own: these tests kill them."""
    parts = parts_below(tmp_path_factory.mktemp("parts"))
    parts.prepare()
    stand = Stand(parts, parts.start())
    yield stand
    stop_all(stand.children)


@pytest.fixture
async def toy(stand: Stand, tmp_path: Path) -> AsyncIterator[Toy]:
    async with open_toy(stand, tmp_path) as toy:
        yield toy
