"""Fixtures of feedback."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from shared.ids import new_id
from tests.conftest import MakeDatabase
from tests.support.feedback import Feedback, migrated, open_feedback


@pytest.fixture(scope="package")
async def shared_feedback(make_database: MakeDatabase) -> AsyncIterator[Feedback]:
    """One web process of feedback for the tests of this package."""
    async with open_feedback(await migrated(make_database)) as feedback:
        await feedback.caught_up()
        yield feedback


@pytest.fixture
def feedback(shared_feedback: Feedback) -> Feedback:
    """The service as an organisation that nobody else has used sees it."""
    return replace(shared_feedback, tenant=new_id(), principal=new_id())
