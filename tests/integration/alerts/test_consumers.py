"""Through real Kafka: risk waits behind nothing, and duplicates change nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shared.consuming import Consumer, Handler, Incoming, create_broker, held_back_since
from shared.consuming.parking import ParkedEvent, discard, list_parked
from shared.contracts.intake import EpisodeOpened
from shared.database import create_database
from tests.integration.alerts.home import Client, Home, assessed, phq9
from tests.integration.alerts.test_stream import listening, take
from tests.support.waiting import eventually_async

PARTITIONS = 3


@dataclass
class Wire:
    """A topic with a consumer of alerts on it."""

    topic: str
    producer: AIOKafkaProducer

    async def send(self, *records: Incoming | bytes, key: str) -> None:
        """Send records under one key."""
        for record in records:
            raw = record if isinstance(record, bytes) else record.raw
            await self.producer.send_and_wait(self.topic, raw, key=key.encode())


@asynccontextmanager
async def consuming(
    home: Home, kafka: str, handler: Handler, *, versions: bool
) -> AsyncIterator[Wire]:
    """`handler` on a topic of its own."""
    topic = f"test.alerts.{uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    broker = create_broker(kafka)
    consumer = Consumer(
        group=topic,
        topics=[topic],
        handler=handler,
        database=home.database,
        store=home.store,
        broker=broker,
        versions=versions,
    )
    await broker.start()
    await consumer.start()
    try:
        async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all") as producer:
            await eventually_async(lambda: ready(consumer), seconds=30)
            yield Wire(topic, producer)
    finally:
        await consumer.stop()
        await broker.stop()
        await admin.delete_topics([topic])
        await admin.close()


async def ready(consumer: Consumer) -> bool:
    """Whether the consumer has its partitions."""
    return consumer.ready


def poison(record: Incoming) -> bytes:
    """The record with a private part that nobody wrote."""
    fields = msgspec.json.decode(record.raw)
    fields["data"]["private"]["c"] = "AAAA" + fields["data"]["private"]["c"][4:]
    return msgspec.json.encode(fields)


async def test_a_risk_answer_behind_a_poison_event_of_the_client_is_told_within_a_second(
    home: Home, kafka: str
) -> None:
    client = await home.new_client()
    forged = poison(await home.record(client, phq9(client, 10)))
    risk = await home.record(client, phq9(client, 30))
    async with (
        consuming(home, kafka, home.risk, versions=False) as wire,
        home.http() as http,
        listening(http) as stream,
    ):
        await wire.send(b"", b"not json", b"\xff", forged, risk, key=client.id)
        [raised] = await take(stream, 1, seconds=1)
    assert raised.data["severity"] == "urgent"
    assert raised.data["client_id"] == client.id


async def test_duplicates_days_late_raise_nothing_twice(home: Home, kafka: str) -> None:
    client, last = await home.new_client(), await home.new_client()
    records = [await home.record(client, phq9(client, 10)) for _ in range(3)]
    marker = await home.record(last, phq9(last, 30))
    async with consuming(home, kafka, home.risk, versions=False) as wire:
        await wire.send(*records, *records * 50, marker, key=client.id)
        await eventually_async(lambda: alerts_of(home, last))
        [alert] = await alerts_of(home, client)
    assert [one["what"] for one in alert["history"]] == ["raised", "repeated", "repeated"]


async def test_assessments_come_as_alerts_in_whatever_batches(home: Home, kafka: str) -> None:
    clients = [await home.new_client() for _ in range(20)]
    holds = [True, True, False, True, False, False, True]
    async with consuming(home, kafka, home.rules, versions=True) as wire:
        for number, one in enumerate(holds, 2):
            for client in clients:
                record = await home.record(client, assessed(client, number, one))
                await wire.send(record, record, key=client.id)
        for client in clients:
            await eventually_async(partial(has, home, client, 2))
            # Those of one batch were recorded at the same moment: nothing says which comes first.
            found = await alerts_of(home, client)
            second, first = sorted(found, key=lambda alert: str(alert["status"]))
            assert (second["status"], first["status"]) == ("open", "resolved")
            assert [one["what"] for one in first["history"]] == [
                "raised",
                "repeated",
                "repeated",
                "resolved",
            ]


async def test_an_alert_says_that_data_of_its_client_is_held_back(home: Home, kafka: str) -> None:
    client = await home.new_client()
    raising = await home.record(client, assessed(client, 2, True))
    forged = poison(await home.record(client, assessed(client, 3, True)))
    async with consuming(home, kafka, home.rules, versions=True) as wire:
        await wire.send(raising, forged, key=client.id)

        async def is_said() -> bool:
            found = await alerts_of(home, client)
            return bool(found) and found[0]["held_back_since"] is not None

        assert await eventually_async(is_said)


async def alerts_of(home: Home, client: Client) -> list[dict[str, Any]]:
    """The client's alerts, the newest first."""
    async with home.http() as http:
        answer = await http.get("/v1/alerts", params={"client_id": client.id})
    return list(answer.json()["items"])


async def has(home: Home, client: Client, count: int) -> bool:
    """Whether the client has so many alerts."""
    return len(await alerts_of(home, client)) == count


async def test_held_back_data_is_told_and_time_goes_on_once_it_is_there(
    home: Home, kafka: str
) -> None:
    client = await home.new_client()
    now = datetime.now(UTC)
    start = now - timedelta(days=30)
    opening = EpisodeOpened(
        episode_id=client.episode_id, client_id=client.id, age_group="adult", opened_at=start
    )
    forged = poison(await home.record(client, phq9(client, 0)))
    async with consuming(home, kafka, home.care, versions=True) as wire:
        await wire.send(await home.record(client, opening, start), forged, key=client.id)
        assert await eventually_async(lambda: is_parked(home, wire.topic))
        await home.timekeeper.look(now + timedelta(minutes=1))
        [alert] = await alerts_of(home, client)
        assert (alert["rule"]["id"], alert["severity"]) == ("data_held_up", "high")
        [parked] = await parked_of(home, wire.topic)
        operators = create_database(home.urls.reader)
        await discard(operators, wire.topic, parked.event_id)
        await operators.dispose()
        assert await eventually_async(lambda: is_released(home, client))
        await home.timekeeper.look(now + timedelta(minutes=2))
    found = {one["rule"]["id"]: one["status"] for one in await alerts_of(home, client)}
    assert found == {"data_held_up": "resolved", "gap": "open"}


async def test_held_back_data_of_an_episode_that_nobody_could_read_is_told_of_it(
    home: Home, kafka: str
) -> None:
    known, client = await home.new_client(), await home.new_client()
    marker = await home.record(known, phq9(known, 0))
    forged = poison(await home.record(client, phq9(client, 0)))
    async with consuming(home, kafka, home.care, versions=True) as wire:
        await wire.send(marker, forged, key=client.id)
        assert await eventually_async(lambda: is_parked(home, wire.topic))
        await home.timekeeper.look(datetime.now(UTC) + timedelta(minutes=1))
    [alert] = await alerts_of(home, client)
    assert (alert["rule"]["id"], alert["episode_id"]) == ("data_held_up", client.episode_id)
    assert alert["episode_status"] == "unknown"


async def parked_of(home: Home, group: str) -> list[ParkedEvent]:
    """What the group has parked, as operators see it."""
    operators = create_database(home.urls.reader)
    found = await list_parked(operators, group=group)
    await operators.dispose()
    return found


async def is_parked(home: Home, group: str) -> bool:
    """Whether the group has parked something."""
    return bool(await parked_of(home, group))


async def is_released(home: Home, client: Client) -> bool:
    """Whether nothing of the client is held back any more."""
    async with home.database.session(client.tenant) as conn:
        return not await held_back_since(conn, client.tenant, [client.id])
