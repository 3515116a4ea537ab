"""Kafka → journal and views, exactly once in effect and decrypted, against bare consuming."""

import os
import time

from aiokafka import AIOKafkaConsumer

from shared.contracts import decode
from tests.benchmarks._projecting import Place, drain, make_place
from tests.benchmarks._ratings import Load, put
from tests.benchmarks.harness import Environment, Result, compare

NAMES = ("project",)

CLIENTS = 5_000
RATINGS = 24


async def run(environment: Environment) -> dict[str, Result]:
    """As many worker processes as cores; each round has databases and a topic of its own."""
    processes = os.cpu_count() or 1
    places: list[Place] = []

    async def bare() -> float:
        place = await make_place(environment)
        load = load_of(place)
        await put(environment, load)
        places.append(place)
        return await consume(place, load.events)

    async def project() -> float:
        place = places[-1]
        return (await drain(place, load_of(place).events, count=processes)).rate()

    note = f"{processes} processes, {CLIENTS} clients with {RATINGS} ratings; bare: one process"
    return {"project": await compare(environment, project, bare, unit="events/s", note=note)}


def load_of(place: Place) -> Load:
    """What is in the topic of a place."""
    return Load(kafka=place.kafka, keys=place.keys, topic=place.topic, clients=CLIENTS, end=RATINGS)


async def consume(place: Place, events: int) -> float:
    """Records a second of a bare aiokafka consumer that decodes each of them."""
    consumer = AIOKafkaConsumer(
        place.topic, bootstrap_servers=place.kafka, auto_offset_reset="earliest"
    )
    async with consumer:
        done, started = 0, 0.0
        while done < events:
            batch = await consumer.getmany(timeout_ms=1000, max_records=4000)
            started = started or time.perf_counter()
            for records in batch.values():
                for record in records:
                    decode(record.value)
                done += len(records)
        return done / (time.perf_counter() - started)
