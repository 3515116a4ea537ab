"""From the event table to Kafka, against a bare producer of the same bytes."""

import asyncio
import contextlib
import time
from uuid import uuid4

import asyncpg
from aiokafka import AIOKafkaProducer

from shared.publishing import MAX_BATCH_BYTES, Record
from shared.relay import Relay, record_of
from shared.topics import PARTITIONS, ensure_topics, topic
from tests.benchmarks.append import fresh, places
from tests.benchmarks.harness import Environment, Result, compare
from tests.support.eventstore import Home, open_home

NAMES = ("relay",)

EVENTS = 100_000
STREAMS = 500
CHUNK = 500
LAST = "SELECT position FROM events ORDER BY xid DESC, position DESC LIMIT 1"
REWIND = "UPDATE relay_checkpoint SET xid = '0', position = 0"


async def fill(home: Home) -> None:
    """Put EVENTS ratings of STREAMS clients into the store."""
    mine = await places(home.keyring, STREAMS)
    for _ in range(EVENTS // STREAMS):
        await home.store.write_many([place.write() for place in mine])


def bare_producer(kafka: str) -> AIOKafkaProducer:
    """With the durability and the large batches of the relay."""
    return AIOKafkaProducer(
        bootstrap_servers=kafka, acks="all", enable_idempotence=True, max_batch_size=MAX_BATCH_BYTES
    )


async def new_topic(kafka: str) -> str:
    """The service of a fresh topic, each partition of which has taken a record."""
    service = f"bench-{uuid4().hex[:8]}"
    await ensure_topics(kafka, service)
    producer = bare_producer(kafka)
    await producer.start()
    for partition in range(PARTITIONS):
        await producer.send_and_wait(topic(service), b"-", partition=partition)
    await producer.stop()
    return service


async def drain(reader_url: str, kafka: str) -> float:
    """Events a second from the table to a fresh topic, connecting not counted."""
    service = await new_topic(kafka)
    reader = await asyncpg.connect(reader_url)
    await reader.execute(REWIND)
    last = await reader.fetchval(LAST)
    relay = Relay(service, reader_url, kafka)
    running = asyncio.create_task(relay.run())
    while not relay.leading:  # noqa: ASYNC110  # nothing else is told when it begins
        await asyncio.sleep(0.005)
    started = time.perf_counter()
    while await reader.fetchval("SELECT position FROM relay_checkpoint") != last:  # noqa: ASYNC110  # asked, not told
        await asyncio.sleep(0.01)
    seconds = time.perf_counter() - started
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await reader.close()
    return EVENTS / seconds


async def produce(records: list[Record], kafka: str) -> float:
    """Records a second by a producer that does nothing else."""
    name = topic(await new_topic(kafka))
    producer = bare_producer(kafka)
    await producer.start()
    await producer.partitions_for(name)
    started = time.perf_counter()
    futures = [await producer.send(name, record.value, record.key) for record in records]
    await asyncio.gather(*futures)
    seconds = time.perf_counter() - started
    await producer.stop()
    return len(records) / seconds


async def run(environment: Environment) -> dict[str, Result]:
    """Drain the same table again and again, each time into a new topic."""
    urls, keys = await fresh(environment)
    async with open_home(urls, keys) as home:
        await fill(home)
    reader = await asyncpg.connect(urls.reader)
    rows = await reader.fetch("SELECT * FROM events ORDER BY xid, position")
    records = [record_of(row, 1) for row in rows]
    await reader.close()

    async def ours() -> float:
        return await drain(urls.reader, environment.kafka)

    async def bare() -> float:
        return await produce(records, environment.kafka)

    size = sum(len(record.value) for record in records) // len(records)
    note = f"{EVENTS:,} events of {size} B"
    return {"relay": await compare(environment, ours, bare, unit="events/s", note=note)}
