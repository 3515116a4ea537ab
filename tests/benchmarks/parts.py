"""What the parts themselves can do: the disk's fsync and an idle round trip through Kafka."""

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from shared.topics import ensure_topics, topic
from tests.benchmarks.harness import Environment, Result, percentile

NAMES = ("fsync_ms", "kafka_round_trip_ms")

SYNCS = 200
TRIPS = 100
PAGE = b"\0" * 8192


def fsync_seconds(folder: Path) -> list[float]:
    """How long each of SYNCS writes of one page takes to be on the disk."""
    found = []
    with tempfile.NamedTemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(SYNCS):
            file.seek(0)
            started = time.perf_counter()
            file.write(PAGE)
            os.fdatasync(file.fileno())
            found.append(time.perf_counter() - started)
    return found


async def round_trips(kafka: str) -> list[float]:
    """How long each of TRIPS records takes to come back, one at a time."""
    service = f"bench-{uuid4().hex[:8]}"
    await ensure_topics(kafka, service)
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=True)
    consumer = AIOKafkaConsumer(
        topic(service), bootstrap_servers=kafka, auto_offset_reset="earliest"
    )
    await producer.start()
    await consumer.start()
    found = []
    for _ in range(TRIPS):
        started = time.perf_counter()
        await producer.send_and_wait(topic(service), b"-" * 600, b"key")
        await consumer.getone()
        found.append(time.perf_counter() - started)
        await asyncio.sleep(0.01)
    await consumer.stop()
    await producer.stop()
    return found[TRIPS // 10 :]


async def run(environment: Environment) -> dict[str, Result]:
    """Measure both."""
    synced = await asyncio.to_thread(fsync_seconds, Path.cwd())
    trips = await round_trips(environment.kafka)
    return {
        "fsync_ms": in_milliseconds(synced),
        "kafka_round_trip_ms": in_milliseconds(trips),
    }


def in_milliseconds(seconds: list[float]) -> Result:
    """The median, with the 99th percentile as a note."""
    note = f"p99 {percentile(seconds, 0.99) * 1000:.1f} ms"
    value = round(statistics.median(seconds) * 1000, 3)
    return Result(value=value, unit="ms", rounds=len(seconds), note=note)
