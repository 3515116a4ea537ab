"""What a client said is found in the clear nowhere but where it must be: in answers and views.

Words and a total that occur nowhere else are planted by the API; then everything that rests or
travels is searched for them. A control, the client's pseudonym, is found by the same search, so
that a search that looks at nothing does not pass.
"""

import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from redis.asyncio import Redis

from tests.support.front_door import FrontDoor, episode_of, phq9
from tests.support.observed import Observed
from tests.support.waiting import eventually_async

NAME, NOTE, OUTCOME, OUTSIDE = "Zephyrine", "quokkas at dawn", "vermilion plan", "mrn-hippogriff"
WORDS = [word.encode() for word in (NAME, NOTE, OUTCOME, OUTSIDE)]

TOTAL = 33.7
# As points or as tenths, but not as a part of a longer number, a time or an identifier.
TOTALS = re.compile(rb"(?<![\w.:\-])(33\.7|337)(?![\w.\-:])")

SERVICES = ("intake", "feedback", "outcomes", "alerts")
EVENT_TABLES = ("events", "streams", "idempotency")

# Starting all of it may take a while where many things run.
pytestmark = pytest.mark.timeout(300)


class Planted(NamedTuple):
    """The client of whom it was all said."""

    client_id: str
    episode_id: str


@pytest.fixture(scope="module")
async def planted(platform: Observed) -> Planted:
    """All of it said by one client, and arrived everywhere."""
    door = FrontDoor(platform.up)
    once = {"Idempotency-Key": "canary"}
    client = await door.post(
        "/intake/v1/clients",
        {
            "given_name": NAME,
            "external_id": OUTSIDE,
            "identifiers": [{"system": "urn:mrn", "value": OUTSIDE}],
        },
        headers=once,
    )
    episode = await door.post("/intake/v1/episodes", episode_of(client_external_id=OUTSIDE))
    rating = {
        "episode_id": episode["id"],
        "measure": "ors",
        "occurred_at": datetime.now(UTC).isoformat(),
        "total": TOTAL,
        "note": NOTE,
    }
    await door.post("/feedback/v1/ratings", rating, headers=once)
    async with door.alerts() as stream:
        await door.post("/feedback/v1/ratings", phq9(episode["id"], 3))
        alert = await anext(stream)
    review = {"seen_how": "by telephone", "outcome": OUTCOME, "actor": NAME}
    await door.post(f"{alert.data['link']}/review", review, headers=once)

    async def arrived() -> bool:
        view = (await door.http.get(f"/outcomes/v1/clients/{client['id']}")).text
        return str(TOTAL) in view and NOTE in view

    assert await eventually_async(arrived, seconds=20)
    assert OUTCOME in (await door.call("GET", alert.data["link"])).text
    await door.close()
    return Planted(client["id"], episode["id"])


async def test_what_was_said_is_nowhere_in_the_clear(platform: Observed, planted: Planted) -> None:
    control = planted.client_id.encode()
    seen: set[str] = set()
    async for place, content in everything(platform):
        if control in content:
            seen.add(place)
        assert [word for word in WORDS if word in content] == [], place
        if found := TOTALS.search(content):
            raise AssertionError((place, content[max(0, found.start() - 60) : found.end() + 60]))
    assert {f"topic heroic.{service}.events" for service in SERVICES[:3]} <= seen
    assert {f"table {service}.events" for service in SERVICES} <= seen


def test_no_file_of_the_platform_holds_a_word(platform: Observed, planted: Planted) -> None:
    control = planted.client_id.encode()
    seen = set()
    for part, file in files(platform.home):
        content = file.read_bytes()
        assert [word for word in WORDS if word in content] == [], file
        if control in content:
            seen.add(part)
    assert {"kafka", "postgres"} <= seen


async def everything(platform: Observed) -> AsyncIterator[tuple[str, bytes]]:
    """Whatever rests in topics, event tables and Redis, and went to logs and traces."""
    async for found in topics(platform.up["kafka"]):
        yield found
    for service in SERVICES:
        for table in EVENT_TABLES:
            yield f"table {service}.{table}", await rows(platform.up["postgres"][service], table)
    async for found in redis(platform.up["redis"]):
        yield found
    for log in (platform.home / "logs").iterdir():
        yield f"log {log.name}", log.read_bytes()
    for body in platform.collector.received:
        yield "traces", body


async def topics(kafka: str) -> AsyncIterator[tuple[str, bytes]]:
    """Each record of each topic of the platform."""
    places = await partitions(kafka)
    async with AIOKafkaConsumer(bootstrap_servers=kafka) as consumer:
        consumer.assign(places)
        for place, end in (await consumer.end_offsets(places)).items():
            consumer.seek(place, 0)
            while await consumer.position(place) < end:
                for record in await read_some(consumer, place):
                    parts = [record.key or b"", record.value or b""]
                    parts += [value for _, value in record.headers]
                    yield f"topic {place.topic}", b"\n".join(parts)


async def read_some(consumer: AIOKafkaConsumer, place: TopicPartition) -> list[ConsumerRecord]:
    """The next records of a partition, if they come soon."""
    found = await consumer.getmany(place, timeout_ms=500)
    return list(found.get(place, []))


async def partitions(kafka: str) -> list[TopicPartition]:
    """Those of the topics of the platform."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    names = [name for name in await admin.list_topics() if name.startswith("heroic.")]
    described = await admin.describe_topics(names)
    await admin.close()
    return [
        TopicPartition(topic["topic"], partition["partition"])
        for topic in described
        for partition in topic["partitions"]
    ]


async def rows(dsn: str, table: str) -> bytes:
    """The rows of a table, binary columns as the bytes that they are."""
    connection = await asyncpg.connect(dsn)
    found = await connection.fetch(f"SELECT * FROM {table}")  # noqa: S608 - a name of ours
    await connection.close()
    return b"\n".join(
        value if isinstance(value, bytes) else f'"{value}"'.encode()
        for row in found
        for name, value in row.items()
        # Counters of the store itself.
        if name not in ("xid", "position")
    )


async def redis(url: str) -> AsyncIterator[tuple[str, bytes]]:
    """Each key of Redis with its value."""
    async with Redis.from_url(url) as connection:
        async for key in connection.scan_iter():
            yield f"redis {key!r}", key + b"\n" + await connection.dump(key)


def files(home: Path) -> Iterator[tuple[str, Path]]:
    """The files of the parts and their logs, each with the part that it belongs to."""
    for part in ("kafka", "postgres", "redis", "logs"):
        for file in (home / part).rglob("*"):
            if file.is_file():
                yield part, file
