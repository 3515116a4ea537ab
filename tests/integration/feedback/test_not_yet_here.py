"""An episode that intake opened a moment ago: waited for, not refused, and never for ever."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from shared.consuming import arrival
from shared.consuming.progress import processed_through
from shared.database import Database
from shared.ids import new_id
from tests.conftest import MakeDatabase
from tests.support.feedback import Feedback, migrated, open_feedback


@pytest.fixture(scope="module")
async def behind(make_database: MakeDatabase) -> AsyncIterator[Feedback]:
    """A service whose consumer was last heard of a minute ago."""
    async with open_feedback(await migrated(make_database)) as feedback:
        await feedback.caught_up(datetime.now(UTC) - timedelta(minutes=1))
        yield feedback


async def test_an_episode_that_arrives_within_two_seconds_is_rated(
    behind: Feedback, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = asyncio.Semaphore(0)

    async def counted(database: Database, group: str, service: str) -> datetime | None:
        looks.release()
        return await processed_through(database, group, service)

    monkeypatch.setattr(arrival, "processed_through", counted)
    episode = new_id()
    waiting = asyncio.create_task(behind.submit(episode))
    # By its second look the request has not found it in its first one.
    for _ in range(2):
        await looks.acquire()
    await behind.episode(episode_id=episode)
    assert (await waiting).status_code == 201


async def test_while_it_may_still_come_the_answer_is_503_and_nothing_is_written(
    behind: Feedback,
) -> None:
    answers = [
        await behind.submit(new_id()),
        await behind.submit(None, episode_external_id="nobody"),
        await behind.http.post(
            "/v1/ratings/bulk",
            content=b'{"episode_external_id":"nobody","measure":"ors","total":1,'
            b'"occurred_at":"2026-02-01T10:00:00Z"}',
            headers=behind.headers(Content_Type="application/x-ndjson"),
        ),
    ]
    for answer in answers:
        assert answer.status_code == 503
        assert answer.json()["code"] == "not_yet_here"
        assert int(answer.headers["retry-after"]) >= 1


async def test_what_others_find_at_the_same_moment_is_no_answer(behind: Feedback) -> None:
    """Look-ups of one organisation gather: each caller takes its own out of the answers."""
    known = await behind.episode()
    missing = asyncio.create_task(behind.submit(new_id()))
    while not missing.done():
        found = await asyncio.gather(*(behind.submit(known) for _ in range(5)))
        assert {one.status_code for one in found} == {201}
    assert (await missing).status_code == 503


async def test_what_was_known_all_along_does_not_wait(behind: Feedback) -> None:
    episode = await behind.episode(external_id="e-1")
    assert (await behind.submit(episode)).status_code == 201
    line = {
        "episode_external_id": "e-1",
        "measure": "ors",
        "total": 1,
        "occurred_at": "2026-02-01T10:00:00Z",
    }
    assert [one["status"] for one in await behind.bulk([line])] == ["created"]


async def test_what_certainly_does_not_exist_is_404_at_once(feedback: Feedback) -> None:
    for answer in (
        await feedback.submit(new_id()),
        await feedback.submit(None, episode_external_id="nobody"),
    ):
        assert answer.status_code == 404
