"""Whatever Kafka does, each event is applied once, in the order of its stream."""

import asyncio
import random
from collections.abc import Sequence
from functools import partial

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.consuming import Consumer, Incoming
from tests.integration.consuming.home import (
    PARTITIONS,
    Client,
    Home,
    Recorder,
    delete_topic,
    make_topic,
    once_each,
)
from tests.support.waiting import eventually_async


async def test_a_handler_sees_every_event_once_and_in_order(home: Home) -> None:
    clients = [Client() for _ in range(20)]
    async with home.consuming(Recorder()):
        for version in range(1, 6):
            await home.send(*(client.event(version) for client in clients))
        await home.until_applied(100)
    applied = await home.applied()
    assert len(applied) == 100
    assert once_each(applied)


async def test_fifty_duplicates_of_each_event_change_nothing(home: Home) -> None:
    chance = random.Random(7)
    clients = [Client() for _ in range(4)]
    events = {client.id: client.events(1, 2, 3, 4, 5) for client in clients}
    async with home.consuming(Recorder()):
        for version in range(5):
            for own in events.values():
                again = [own[chance.randrange(version + 1)] for _ in range(50)]
                await home.send(own[version], *again)
        await home.until_applied(20)
        await home.until_read()
    applied = await home.applied()
    assert len(applied) == 20
    assert once_each(applied)
    assert await home.parked() == []


async def test_events_that_come_again_days_later_to_a_new_member_change_nothing(home: Home) -> None:
    client = Client()
    events = client.events(1, 2, 3)
    await home.send(*events)
    async with home.consuming(Recorder()):
        await home.until_applied(3)
    await home.send(*events, client.event(4))
    async with home.consuming(Recorder()):
        await home.until_applied(4)
    assert await home.versions(client) == [1, 2, 3, 4]


async def test_a_new_member_goes_on_from_the_checkpoint_whatever_kafka_remembers(
    home: Home,
) -> None:
    client = Client()
    await home.send(*client.events(1, 2, 3))
    liar = AIOKafkaConsumer(bootstrap_servers=home.kafka, group_id=home.group)
    await liar.start()
    partitions = [TopicPartition(home.topic, number) for number in range(PARTITIONS)]
    liar.assign(partitions)
    await liar.commit(await liar.end_offsets(partitions))
    await liar.stop()
    async with home.consuming(Recorder()):
        await home.until_applied(3)
    assert await home.versions(client) == [1, 2, 3]


async def test_kafka_learns_the_offsets_only_after_the_database(home: Home) -> None:
    """Traps 1 and 8: neither FastStream's default policy nor the default reset may be in force."""
    client = Client()
    stuck, go_on = asyncio.Event(), asyncio.Event()

    async def wait(_events: Sequence[Incoming]) -> None:
        stuck.set()
        await go_on.wait()

    await home.send(*client.events(1, 2, 3))
    async with home.consuming(Recorder(on_apply=wait)) as consumer:
        await stuck.wait()
        partitions = [TopicPartition(home.topic, number) for number in range(PARTITIONS)]
        kafka_consumer = consumer._subscriber.consumer
        assert kafka_consumer is not None
        committed = [await kafka_consumer.committed(one) for one in partitions]
        assert not any(committed)
        go_on.set()
        await home.until_applied(3)

        async def told() -> bool:
            offsets = [await kafka_consumer.committed(one) for one in partitions]
            return sum(offset or 0 for offset in offsets) == 3

        await eventually_async(told)


async def test_a_member_that_is_stopped_in_the_middle_of_a_batch_commits_nothing(
    home: Home,
) -> None:
    """Trap 10."""
    client = Client()
    stuck = asyncio.Event()

    async def for_ever(_events: Sequence[Incoming]) -> None:
        stuck.set()
        await asyncio.Event().wait()

    await home.send(*client.events(1, 2, 3))
    async with home.consuming(Recorder(on_apply=for_ever)) as consumer:
        await stuck.wait()
        for task in consumer._subscriber.tasks:
            task.cancel()
    assert await home.applied() == []
    async with home.consuming(Recorder()):
        await home.until_applied(3)
    assert await home.versions(client) == [1, 2, 3]


async def test_a_worker_that_wakes_up_after_another_has_gone_on_writes_nothing(
    home: Home,
) -> None:
    """A zombie: it was stopped between reading and writing."""
    client = Client()
    asleep, woken = asyncio.Event(), asyncio.Event()

    async def sleep_once(_events: Sequence[Incoming]) -> None:
        if not asleep.is_set():
            asleep.set()
            await woken.wait()

    await home.send(*client.events(1, 2, 3))
    async with home.consuming(Recorder(on_apply=sleep_once)):
        await asleep.wait()
        # What another worker leaves behind that has taken the same records.
        tenant, stream = client.tenant, client.stream
        await home.execute(tenant, "UPDATE consumer_checkpoints SET next_offset = 3")
        for version in (1, 2, 3):
            row = (tenant, stream, version)
            await home.execute(
                tenant, "INSERT INTO applied VALUES (DEFAULT, $1, '', $2, $3, '')", *row
            )
        await home.execute(
            tenant, "INSERT INTO consumed VALUES ($1, $2, $3, 3, 'x')", tenant, home.group, stream
        )
        woken.set()
        await home.send(client.event(4))
        await home.until_applied(4)
    assert await home.versions(client) == [1, 2, 3, 4]


async def test_members_that_come_and_go_neither_lose_nor_repeat_anything(home: Home) -> None:
    clients = [Client() for _ in range(40)]
    rounds = 50

    async def send() -> None:
        for version in range(1, rounds + 1):
            await home.send(*(client.event(version) for client in clients))
            await asyncio.sleep(0.05)

    async with home.consuming(Recorder()) as steady:
        sending = asyncio.create_task(send())
        members = 0
        while not sending.done():
            async with home.consuming(Recorder()) as guest:
                members += 1
                await eventually_async(partial(is_ready, guest), 20)
        await sending
        await home.until_applied(40 * rounds, 30)
        assert steady.failure is None
    assert members >= 2
    applied = await home.applied()
    assert len(applied) == 40 * rounds
    assert once_each(applied)


async def is_ready(consumer: Consumer) -> bool:
    return consumer.ready


async def test_a_topic_that_is_made_anew_is_read_from_its_beginning(home: Home) -> None:
    client = Client()
    events = client.events(1, 2, 3, 4, 5, 6)
    async with home.consuming(Recorder()) as consumer:
        await home.send(*events[:3])
        await home.until_applied(3)
        await delete_topic(home.kafka, home.topic)
        await make_topic(home.kafka, home.topic)
        # By its offset alone, the checkpoint would skip the first three of these.
        await home.send(*events[2:])
        await home.until_applied(6, 30)
        assert consumer.failure is None
    assert await home.versions(client) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("seed", range(3))
async def test_any_interleaving_of_two_topics_leads_to_the_same_rows(home: Home, seed: int) -> None:
    chance = random.Random(seed)
    second = f"{home.topic}-second"
    await make_topic(home.kafka, second)
    clients = [Client() for _ in range(5)]
    queues = [(home.topic, one.stream, one) for one in clients] + [
        (second, f"assessment-{one.id}", one) for one in clients
    ]
    next_version = {stream: 1 for _, stream, _ in queues}
    async with home.consuming(Recorder(), topics=[home.topic, second]):
        while queues:
            topic, stream, client = chance.choice(queues)
            raw = client.event(next_version[stream], stream=stream)
            await home.producer.send(topic, raw, key=client.id.encode())
            next_version[stream] += 1
            queues = [one for one in queues if next_version[one[1]] <= 10]
        await home.until_applied(100)
    applied = await home.applied()
    assert len(applied) == 100
    assert once_each(applied)


async def test_a_partition_that_fails_does_not_hold_up_or_rewind_the_others(home: Home) -> None:
    """Trap 3: FastStream hands over records of several partitions as one."""
    clients = [Client() for _ in range(12)]
    bad = clients[0]
    down = asyncio.Event()

    async def fail(events: Sequence[Incoming]) -> None:
        if any(one.envelope.subject == bad.id for one in events) and not down.is_set():
            raise ConnectionError

    recorder = Recorder(on_apply=fail)
    await home.send(*(raw for client in clients for raw in client.events(1, 2)))
    async with home.consuming(recorder):

        async def others_are_through() -> bool:
            # All but those who happen to be in the bad one's partition.
            return len({one.stream for one in await home.applied()}) >= 3

        await eventually_async(others_are_through)
        assert await home.versions(bad) == []
        down.set()
        await home.until_applied(24)
    applied = await home.applied()
    assert len(applied) == 24
    assert once_each(applied)
