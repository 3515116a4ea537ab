"""A risk answer is on a screen within a second, and waits behind nothing."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from shared.contracts import envelope_bytes
from shared.contracts.feedback import RatingSubmitted
from shared.ids import new_id
from shared.topics import topic
from tests.support.front_door import FrontDoor, episode_of, phq9
from tests.support.heroic import Heroic
from tests.support.waiting import eventually_async

WITHIN_SECONDS = 1.0
BESIDE_AN_IMPORT_SECONDS = 5.0
"""An import takes all of a small machine for half a minute: an alert that waited behind it would
come after its end. What it takes on a machine of one's own is for measuring, not for a test."""

EPISODES, RATINGS_EACH = 800, 50
"""The import: as many rows as take long enough here for the alerts to come in the midst of it."""
ROWS_A_CALL = 1_000
ANSWERS = 3

CHECKPOINT = """
SELECT max(next_offset) FROM consumer_checkpoints
WHERE group_name = 'alerts.risk' AND topic = $1 AND partition = $2
"""

# Starting all of it may take a while where many things run.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Heroic]:
    """A platform of its own: an import is much."""
    heroic = Heroic(tmp_path_factory.mktemp("urgent") / "home")
    started = heroic.make("up")
    assert started.returncode == 0, started.stdout + started.stderr
    yield heroic
    assert heroic.make("clean").returncode == 0


@pytest.fixture
async def door(installation: Heroic) -> AsyncIterator[FrontDoor]:
    """The first organisation's integration."""
    door = FrontDoor(installation.up)
    yield door
    await door.close()


async def test_an_alert_is_not_behind_a_poison_event_of_the_same_client(
    installation: Heroic, door: FrontDoor
) -> None:
    episode = await poisoned_episode(installation, door)
    assert await seconds_to_alert(door, episode) < WITHIN_SECONDS


async def test_an_alert_is_not_behind_an_import(installation: Heroic, door: FrontDoor) -> None:
    risky = [await poisoned_episode(installation, door) for _ in range(ANSWERS)]
    importing = asyncio.create_task(import_ratings(door, await many_episodes(door)))
    await eventually_async(lambda: relayed(installation, "outcomes"), seconds=30)

    taken = []
    for episode in risky:
        taken.append(await seconds_to_alert(door, episode))
        assert not importing.done(), "the alert came after the import"
    await importing
    assert max(taken) < BESIDE_AN_IMPORT_SECONDS, taken


async def seconds_to_alert(door: FrontDoor, episode: str) -> float:
    """From just before the submission of a PHQ-9 with a risk answer to its alert on the stream."""
    async with door.alerts() as stream, asyncio.timeout(30):
        started = time.perf_counter()
        await door.post("/feedback/v1/ratings", phq9(episode, 3))
        async for message in stream:
            if message.data["episode_id"] == episode and message.data["rule"] == "risk_item":
                return time.perf_counter() - started
    raise AssertionError("the stream has ended")


async def poisoned_episode(installation: Heroic, door: FrontDoor) -> str:
    """An episode of a client whom nobody can read an event of, which has come before."""
    client = (await door.post("/intake/v1/clients", {}))["id"]
    episode = str((await door.post("/intake/v1/episodes", episode_of(client_id=client)))["id"])
    name = topic("feedback")
    async with AIOKafkaProducer(bootstrap_servers=installation.up["kafka"]) as producer:
        sent = await producer.send_and_wait(
            name,
            poison(installation.up["organisations"][0]["id"], client, episode),
            client.encode(),
        )

    async def passed() -> bool:
        connection = await asyncpg.connect(installation.up["postgres"]["alerts"])
        reached = await connection.fetchval(CHECKPOINT, name, sent.partition)
        await connection.close()
        return bool(reached > sent.offset)

    await eventually_async(passed)
    return episode


def poison(tenant: str, client: str, episode: str) -> bytes:
    """An event with an envelope as it should be, and nothing in it of what it should say."""
    return envelope_bytes(
        event_type=RatingSubmitted.type,
        event_id=new_id(),
        subject=client,
        recorded_at=datetime.now(UTC),
        tenant=tenant,
        stream=f"feedback-{episode}",
        version=1,
        epoch=1,
        position=1,
        schema_version=RatingSubmitted.version,
        correlation_id="poison",
        causation_id=None,
        traceparent=None,
        data=b'{"none":"of ours"}',
    )


async def many_episodes(door: FrontDoor) -> list[str]:
    """The episodes that the rows of the import are of."""
    lines: list[dict[str, Any]] = []
    for number in range(EPISODES):
        client = f"import-{number}"
        lines.append({"kind": "client", "external_id": client})
        lines.append(
            {**episode_of(client_external_id=client), "kind": "episode", "external_id": client}
        )
    outcomes = await door.bulk("/intake/v1/bulk", lines)
    return [outcome["id"] for outcome in outcomes[1::2]]


async def import_ratings(door: FrontDoor, episodes: list[str]) -> None:
    """Past ratings of a measure whose rules raise alerts, call after call."""
    chance = random.Random(3)
    began = datetime(2026, 1, 6, tzinfo=UTC)
    rows = [
        {
            "episode_id": episode,
            "external_id": f"{episode}-{day}",
            "measure": "bdi",
            "occurred_at": (began + timedelta(days=day)).isoformat(),
            "total": chance.randint(0, 63),
        }
        for episode in episodes
        for day in range(RATINGS_EACH)
    ]
    for start in range(0, len(rows), ROWS_A_CALL):
        results = await door.bulk(
            "/feedback/v1/ratings/bulk?mode=history", rows[start : start + ROWS_A_CALL]
        )
        refused = [one for one in results if one["status"] != "created"]
        assert not refused, json.dumps(refused[0])


async def relayed(installation: Heroic, service: str) -> bool:
    """Whether the import has come so far that the rules are at work."""
    connection = await asyncpg.connect(installation.up["postgres"][service])
    found: bool = await connection.fetchval("SELECT EXISTS (SELECT FROM events)")
    await connection.close()
    return found
