"""The memory of a worker of outcomes that works off a backlog of half a million events."""

import msgspec

from tests.benchmarks._projecting import drain, make_place
from tests.benchmarks._ratings import Load, put
from tests.benchmarks.harness import Environment, Result

NAMES = ("worker_memory_mib",)

CLIENTS = 20_000
RATINGS = 24
MIB = 2**20


async def run(environment: Environment) -> dict[str, Result]:
    """One process with projector and assessor; its peak, and its peak half-way through."""
    place = msgspec.structs.replace(await make_place(environment), assess=True)
    load = Load(kafka=place.kafka, keys=place.keys, topic=place.topic, clients=CLIENTS, end=RATINGS)
    await put(environment, load)
    processed = await drain(place, load.events, count=1, seconds=900)
    half, peak = processed.peak(0.5) / MIB, processed.peak(1) / MIB
    return {
        "worker_memory_mib": Result(
            value=round(peak, 1),
            unit="MiB",
            baseline=round(half, 1),
            ratio=round(peak / half, 3),
            note=f"peak of {load.events:,} events, against the peak of the first half of them",
        )
    }
