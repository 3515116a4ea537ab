"""One thing that somebody does is one trace, through Kafka and all services that it reaches."""

import os

import asyncpg
import pytest

from tests.support.front_door import FrontDoor, episode_of, phq9
from tests.support.observed import Observed
from tests.support.waiting import eventually_async

# Starting all of it may take a while where many things run.
pytestmark = pytest.mark.timeout(300)


def new_trace() -> tuple[str, dict[str, str]]:
    """A trace id, and the header by which a caller names it."""
    trace_id = os.urandom(16).hex()
    return trace_id, {"traceparent": f"00-{trace_id}-{os.urandom(8).hex()}-01"}


async def reaches(platform: Observed, trace_id: str, services: set[str]) -> None:
    """Wait until these and no other services took part in the trace."""

    async def reached() -> bool:
        return platform.collector.services(trace_id) >= services

    await eventually_async(reached, seconds=20)
    assert platform.collector.services(trace_id) == services


async def test_a_submission_is_one_trace_across_feedback_outcomes_and_alerts(
    platform: Observed, door: FrontDoor
) -> None:
    episode = await door.episode()
    trace_id, header = new_trace()
    async with door.alerts() as stream:
        await door.post("/feedback/v1/ratings", phq9(episode, 3), headers=header)
        await anext(stream)
    await reaches(platform, trace_id, {"feedback", "outcomes", "alerts"})
    for service in ("feedback", "outcomes", "alerts"):
        assert await eventually_async(lambda s=service: recorded(platform, s, trace_id))  # type: ignore[misc]


async def test_a_new_client_with_an_episode_is_one_trace_across_all_four(
    platform: Observed, door: FrontDoor
) -> None:
    trace_id, header = new_trace()
    lines = [
        {"kind": "client", "external_id": "c-trace"},
        {
            **episode_of(client_external_id="c-trace"),
            "kind": "episode",
            "external_id": "e-trace",
        },
    ]
    outcomes = await door.bulk("/intake/v1/bulk", lines, headers=header)
    assert [one["status"] for one in outcomes] == ["created", "created"]
    await reaches(platform, trace_id, {"intake", "feedback", "outcomes", "alerts"})


async def recorded(platform: Observed, service: str, trace_id: str) -> int:
    """How many events of a service say that they belong to the trace."""
    connection = await asyncpg.connect(platform.up["postgres"][service])
    count: int = await connection.fetchval(
        "SELECT count(*) FROM events WHERE traceparent LIKE $1", f"00-{trace_id}-%"
    )
    await connection.close()
    return count
