"""Where anything rests or goes by in a running installation, to be searched for what must not.

Each place comes with its content in bytes: topics, tables, Redis, logs, traces, metrics, files.
"""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from redis.asyncio import Redis

from deploy.local.home import Home
from deploy.setup import databases
from tests.support.observed import Observed

SERVICES = ("intake", "feedback", "outcomes", "alerts")

READABLE = """
SELECT c.relname FROM pg_class c
WHERE c.relkind IN ('r', 'p', 'm') AND c.relnamespace = 'public'::regnamespace
    AND has_table_privilege(c.oid, 'SELECT') = $1
ORDER BY c.relname
"""


async def everything(platform: Observed) -> AsyncIterator[tuple[str, bytes]]:
    """All places, but for the files below them."""
    async for found in topics(platform.up["kafka"]):
        yield found
    for name, dsn in readers(platform).items():
        async for table, content in tables(dsn):
            yield f"table {name}.{table}", content
    async for found in redis(platform.up["redis"]):
        yield found
    for log in (platform.home / "logs").iterdir():
        yield f"log {log.name}", log.read_bytes()
    for body in platform.collector.received:
        yield "traces", body
    async for found in metrics(platform):
        yield found


def readers(platform: Observed) -> dict[str, str]:
    """The databases in the role that reads every tenant, the one of keys too."""
    dsns, passwords = platform.up["postgres"], Home(platform.home).secrets().role_passwords
    found = {name: databases.urls(dsns[name], passwords, f"heroic_{name}") for name in SERVICES}
    found["keys"] = databases.urls(dsns["intake"], passwords, "heroic_keys")
    return {name: urls.reader for name, urls in found.items()}


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


async def tables(dsn: str) -> AsyncIterator[tuple[str, bytes]]:
    """Every table with its rows, binary columns as the bytes that they are."""
    connection = await asyncpg.connect(dsn)
    # A table that cannot be read would pass for one in which nothing was found.
    unreadable = [row[0] for row in await connection.fetch(READABLE, False)]
    assert unreadable == [], dsn
    for row in await connection.fetch(READABLE, True):
        rows = await connection.fetch(f"SELECT * FROM {row[0]}")  # noqa: S608 - from the catalogue
        yield row[0], b"\n".join(in_bytes(one) for one in rows)
    await connection.close()


def in_bytes(row: asyncpg.Record) -> bytes:
    """One row; counters of the store itself are left out."""
    return b"\n".join(
        value if isinstance(value, bytes) else f'"{value}"'.encode()
        for name, value in row.items()
        if name not in ("xid", "position")
    )


async def redis(url: str) -> AsyncIterator[tuple[str, bytes]]:
    """Each key of Redis with its value."""
    async with Redis.from_url(url) as connection:
        async for key in connection.scan_iter():
            yield f"redis {key!r}", key + b"\n" + await connection.dump(key)


async def metrics(platform: Observed) -> AsyncIterator[tuple[str, bytes]]:
    """What each process tells Prometheus."""
    ports = json.loads((platform.home / "web-ports.json").read_text())
    async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
        for name, port in ports.items():
            if name.endswith("-metrics"):
                yield (
                    f"metrics {name}",
                    (await http.get(f"http://127.0.0.1:{port}/metrics")).content,
                )


def files(home: Path) -> Iterator[tuple[str, Path]]:
    """The files of the parts and their logs, each with the part that it belongs to."""
    for part in ("kafka", "postgres", "redis", "logs"):
        for file in (home / part).rglob("*"):
            if file.is_file():
                yield part, file
