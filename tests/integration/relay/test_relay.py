"""From the event table to Kafka: nothing lost, nothing out of order, whoever dies."""

import asyncio
import contextlib
import signal
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import cast

import asyncpg
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared.contracts import Envelope, decode
from shared.contracts.feedback import RatingContent, RatingSubmitted
from shared.database import driver
from shared.errors import TooLarge
from shared.eventstore import COMMAND_DEADLINE, NewEvent, Write
from shared.ids import new_id
from shared.relay import PAGE_ROWS, Relay
from shared.topics import MAX_RECORD_BYTES, PARTITIONS, PROGRESS_TOPIC, ensure_topics, topic
from tests.support.eventstore import Home
from tests.support.paths import REPOSITORY
from tests.support.waiting import eventually_async

# The last in order is not always the one with the highest position.
LAST = "SELECT position FROM events ORDER BY xid DESC, position DESC LIMIT 1"


@contextlib.asynccontextmanager
async def running(*relays: Relay) -> AsyncIterator[None]:
    """`relays` run while the context is open."""
    tasks = [asyncio.create_task(relay.run()) for relay in relays]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def everything_in(kafka: str, name: str, partitions: int = PARTITIONS) -> list[bytes]:
    """All records of a topic, partition after partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    found: list[bytes] = []
    try:
        assigned = [TopicPartition(name, number) for number in range(partitions)]
        consumer.assign(assigned)
        for partition, end in (await consumer.end_offsets(assigned)).items():
            while await consumer.position(partition) < end:
                batch = await consumer.getmany(partition, timeout_ms=1000)
                found += [record.value for records in batch.values() for record in records]
    finally:
        await consumer.stop()
    return found


async def envelopes(kafka: str, service: str) -> list[Envelope]:
    return [decode(value) for value in await everything_in(kafka, topic(service))]


async def until_sent(home: Home) -> None:
    """Return once the checkpoint has reached the last event."""
    reader = await asyncpg.connect(home.urls.reader)

    async def done() -> bool:
        last = await reader.fetchval(LAST)
        return bool(last == await reader.fetchval("SELECT position FROM relay_checkpoint"))

    await eventually_async(done, 30)
    await reader.close()


def versions_by_stream(found: Sequence[Envelope]) -> dict[str, list[int]]:
    versions: dict[str, list[int]] = defaultdict(list)
    for envelope in found:
        versions[envelope.stream].append(envelope.version)
    return versions


async def write_some(home: Home, streams: Sequence[str], versions: range) -> None:
    """One event more for each stream, again and again; each stream is a client of its own."""
    clients = {stream: await home.new_client() for stream in streams}
    for version in versions:
        await home.store.write_many(
            [
                msgspec.structs.replace(
                    home.write(stream),
                    appends=[home.ratings(stream, expected=version, client=clients[stream])],
                )
                for stream in streams
            ]
        )


async def test_every_event_arrives_once_and_in_the_order_of_its_stream(
    home: Home, kafka: str, service: str
) -> None:
    streams = [f"feedback-{new_id()}" for _ in range(30)]
    async with running(Relay(service, home.urls.reader, kafka)):
        await write_some(home, streams, range(10))
        await until_sent(home)
    found = await envelopes(kafka, service)
    assert versions_by_stream(found) == {stream: list(range(1, 11)) for stream in streams}
    stored = {
        event.id for stream in streams for event in await home.store.read(home.tenant, stream)
    }
    assert {envelope.id for envelope in found} == stored


async def test_a_kill_between_ack_and_checkpoint_repeats_records_and_loses_none(
    home: Home, kafka: str, service: str
) -> None:
    streams = [f"feedback-{new_id()}" for _ in range(PAGE_ROWS // 4)]
    await write_some(home, streams, range(10))
    command = [sys.executable, "-m", "tests.integration.relay.dies"]
    victim = await asyncio.create_subprocess_exec(
        *command, service, home.urls.reader, kafka, "2", cwd=REPOSITORY
    )
    assert await asyncio.wait_for(victim.wait(), 30) == -signal.SIGKILL
    async with running(Relay(service, home.urls.reader, kafka)):
        await until_sent(home)
    found = versions_by_stream(await envelopes(kafka, service))
    assert sum(map(len, found.values())) > 10 * len(streams), "the fault did not happen"
    for stream in streams:
        assert sorted(set(found[stream])) == list(range(1, 11))
        # Duplicates go back in time; what is new never leaves a gap.
        highest = 0
        for version in found[stream]:
            assert version <= highest + 1
            highest = max(highest, version)


async def test_of_two_relays_one_leads_and_the_other_takes_over(
    home: Home, kafka: str, service: str
) -> None:
    first, second = (Relay(service, home.urls.reader, kafka) for _ in range(2))

    async def one_leads() -> bool:
        return first.leading != second.leading

    streams = [f"feedback-{new_id()}" for _ in range(10)]
    async with running(first, second):
        await eventually_async(one_leads)
        await write_some(home, streams, range(5))
        await until_sent(home)
        assert await one_leads()
        reader = await asyncpg.connect(home.urls.reader)
        pid = await reader.fetchval(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        await reader.fetchval("SELECT pg_terminate_backend($1)", pid)
        await reader.close()
        await eventually_async(one_leads)
        await write_some(home, [f"{stream}-more" for stream in streams], range(5))
        await until_sent(home)
    found = versions_by_stream(await envelopes(kafka, service))
    assert len(found) == 2 * len(streams)
    assert all(versions == [1, 2, 3, 4, 5] for versions in found.values())


async def test_a_wake_up_above_the_horizon_waits_for_it_and_not_for_the_next_poll(
    home: Home, kafka: str, service: str
) -> None:
    """Trap 17: the ring comes while an older transaction is still open."""
    consumer = AIOKafkaConsumer(
        topic(service), bootstrap_servers=kafka, auto_offset_reset="earliest"
    )
    await consumer.start()
    async with running(Relay(service, home.urls.reader, kafka)):
        await home.store.write(home.write(f"feedback-{new_id()}"))
        await asyncio.wait_for(consumer.getone(), 10)
        delays = []
        for _ in range(5):
            async with home.database.session(home.tenant) as connection:
                # It has begun earlier and will not ring itself.
                await driver(connection).fetchval("SELECT pg_current_xact_id()")
                await home.store.write(home.write(f"feedback-{new_id()}"))
                arrived = asyncio.create_task(consumer.getone())
                assert await asyncio.wait([arrived], timeout=0.05) == (set(), {arrived})
            released = time.monotonic()
            await asyncio.wait_for(arrived, 5)
            delays.append(time.monotonic() - released)
    await consumer.stop()
    assert sorted(delays)[3] < 0.25, "it waited for the poll"


async def test_progress_says_through_when_everything_is_relayed(
    home: Home, kafka: str, service: str
) -> None:
    before = datetime.now(UTC)
    streams = [f"feedback-{new_id()}" for _ in range(20)]
    async with running(Relay(service, home.urls.reader, kafka)):
        await write_some(home, streams, range(1))

        async def through_now() -> dict[str, object] | None:
            for value in reversed(await everything_in(kafka, PROGRESS_TOPIC, partitions=1)):
                progress = msgspec.json.decode(value)
                through = datetime.fromisoformat(progress["through"])
                if progress["service"] == service and through > before - COMMAND_DEADLINE:
                    found: dict[str, object] = progress
                    return found
            return None

        await until_sent(home)
        progress = await eventually_async(through_now)
        await asyncio.sleep(0)
    assert progress is not None
    assert progress["epoch"] == 1
    assert isinstance(progress["offsets"], dict)
    assert set(progress["offsets"]) == {str(number) for number in range(PARTITIONS)}


def long_ratings(home: Home, stream: str, version: int, *sizes: int) -> Write:
    """Ratings with notes of `sizes` bytes."""
    append = home.ratings(stream, expected=version, count=len(sizes))
    events = []
    for event, size in zip(append.events, sizes, strict=True):
        private = RatingContent(total=100, note="x" * size)
        data = msgspec.structs.replace(cast("RatingSubmitted", event.data), private=private)
        events.append(NewEvent(id=event.id, data=data))
    return Write(tenant=home.tenant, appends=[msgspec.structs.replace(append, events=events)])


async def test_large_events_of_one_client_arrive_in_order(
    home: Home, kafka: str, service: str
) -> None:
    """More than one batch of a partition can hold."""
    stream = f"feedback-{new_id()}"
    for version in range(6):
        await home.store.write(long_ratings(home, stream, version, 600_000))
    with pytest.raises(TooLarge):
        await home.store.write(long_ratings(home, stream, 6, 700_000))
    async with running(Relay(service, home.urls.reader, kafka)):
        await until_sent(home)
    found = versions_by_stream(await envelopes(kafka, service))
    assert found == {stream: [1, 2, 3, 4, 5, 6]}


async def limit_records(kafka: str, service: str, size: int) -> None:
    """Let the topic take records up to `size` bytes."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    configs = {"max.message.bytes": str(size), "retention.ms": "-1"}
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic(service), configs)])
    await admin.close()


async def test_what_the_broker_refuses_is_sent_again_and_nothing_overtakes_it(
    home: Home, kafka: str, service: str, caplog: pytest.LogCaptureFixture
) -> None:
    stream = f"feedback-{new_id()}"
    await limit_records(kafka, service, 10_000)

    async def refused() -> bool:
        return "MessageSizeTooLargeError; trying again" in caplog.text

    async with running(Relay(service, home.urls.reader, kafka)):
        await home.store.write(long_ratings(home, stream, 0, 10, 10))
        await until_sent(home)
        await home.store.write(long_ratings(home, stream, 2, 20_000, 10, 10))
        await eventually_async(refused)
        assert versions_by_stream(await envelopes(kafka, service)) == {stream: [1, 2]}
        await limit_records(kafka, service, MAX_RECORD_BYTES)
        await until_sent(home)
    found = versions_by_stream(await envelopes(kafka, service))
    assert found == {stream: [1, 2, 3, 4, 5]}


async def test_topics_are_made_once_and_kept_for_ever(kafka: str, service: str) -> None:
    await ensure_topics(kafka, service)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    [described] = await admin.describe_topics([topic(service)])
    resource = ConfigResource(ConfigResourceType.TOPIC, topic(service))
    [response] = await admin.describe_configs([resource])
    await admin.close()
    assert len(described["partitions"]) == PARTITIONS
    values = {entry[0]: entry[1] for entry in response.resources[0][4]}
    assert values["retention.ms"] == "-1"
