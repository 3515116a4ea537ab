"""From the event table to Kafka."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts import Envelope, decode
from shared.ids import new_id
from shared.relay import Relay
from shared.topics import PARTITIONS, ensure_topics, topic
from tests.conftest import MakeDatabase
from tests.support.eventstore import Home, migrated, open_home
from tests.support.waiting import eventually_async


@pytest.fixture
async def service(kafka: str) -> str:
    """A service with a topic of its own."""
    name = f"test-{uuid4().hex[:8]}"
    await ensure_topics(kafka, name)
    return name


@pytest.fixture
async def home(make_database: MakeDatabase) -> AsyncIterator[Home]:
    async with open_home(*await migrated(make_database)) as home:
        yield home


@contextlib.asynccontextmanager
async def running(relay: Relay) -> AsyncIterator[Relay]:
    """`relay` runs while the context is open."""
    task = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def everything_in(kafka: str, service: str) -> list[Envelope]:
    """All records of the topic, partition after partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = [TopicPartition(topic(service), number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        found: list[Envelope] = []
        for partition, end in ends.items():
            while await consumer.position(partition) < end:
                batch = await consumer.getmany(partition, timeout_ms=1000)
                found += [decode(one.value) for records in batch.values() for one in records]
        return found
    finally:
        await consumer.stop()


async def test_every_event_arrives_in_the_order_of_its_stream(
    home: Home, kafka: str, service: str
) -> None:
    streams = [f"feedback-{new_id()}" for _ in range(20)]
    async with running(Relay(service, home.urls.reader, kafka)):
        for version in range(5):
            await asyncio.gather(
                *(home.store.write(home.write(stream, expected=version)) for stream in streams)
            )
        versions: dict[str, list[int]] = defaultdict(list)

        async def all_there() -> bool:
            return len(await everything_in(kafka, service)) >= 100

        await eventually_async(all_there)
        for envelope in await everything_in(kafka, service):
            versions[envelope.stream].append(envelope.version)
    assert versions == {stream: [1, 2, 3, 4, 5] for stream in streams}
