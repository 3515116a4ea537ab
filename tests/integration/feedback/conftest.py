"""Fixtures of feedback."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from shared.ids import new_id
from tests.conftest import MakeDatabase
from tests.support.feedback import Databases, Feedback, migrated, open_feedback


@pytest.fixture(scope="package")
async def databases(make_database: MakeDatabase) -> Databases:
    """The databases that the tests of this package share."""
    return await migrated(make_database)


@pytest.fixture(scope="package")
async def shared_feedback(databases: Databases) -> AsyncIterator[Feedback]:
    """One web process of feedback for the tests of this package."""
    async with open_feedback(databases) as feedback:
        await feedback.caught_up()
        yield feedback


@pytest.fixture
def feedback(shared_feedback: Feedback) -> Feedback:
    """The service as an organisation that nobody else has used sees it."""
    return replace(shared_feedback, tenant=new_id(), principal=new_id())
