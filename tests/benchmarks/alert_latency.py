"""From a submission to its alert on an open stream, at 50 submissions a second.

The whole platform as `make up` starts it, on parts of its own: the web process, five workers.
The load and the stream's other end are this process.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.benchmarks.harness import Environment, Result, percentile
from tests.support.front_door import FrontDoor, episode_of, phq9
from tests.support.heroic import Heroic

NAMES = ("alert_latency_p50_ms", "alert_latency_p99_ms")

A_SECOND = 50
WARM_SECONDS, SECONDS = 5, 20
ROUND_TRIPS = 200
MISSING_SECONDS = 10


async def run(environment: Environment) -> dict[str, Result]:
    """The median and the 99th percentile, with the idle broker's round trip beside them."""
    async with platform() as heroic:
        door = FrontDoor(heroic.up)
        round_trips = await idle_round_trips(heroic.up["kafka"])
        episodes = await open_episodes(door, A_SECOND * (WARM_SECONDS + SECONDS))
        latencies = await measure(door, episodes)
        await door.close()
    counted = latencies[A_SECOND * WARM_SECONDS :]
    idle = f"{percentile(round_trips, 0.5):.1f} (p99 {percentile(round_trips, 0.99):.1f})"
    note = f"{A_SECOND}/s for {SECONDS} s; idle Kafka round trip p50 {idle} ms"
    environment.say(f"slowest {max(counted):.0f} ms; {note}")
    return {
        name: Result(value=round(percentile(counted, part), 1), unit="ms", note=note)
        for name, part in zip(NAMES, (0.5, 0.99), strict=True)
    }


@asynccontextmanager
async def platform() -> AsyncIterator[Heroic]:
    """The platform, without sample data."""
    with tempfile.TemporaryDirectory(prefix="heroic-bench-") as folder:
        heroic = Heroic(Path(folder) / "home")
        try:
            started = await asyncio.to_thread(heroic.make, "up")
            if started.returncode:
                raise RuntimeError(started.stdout + started.stderr)
            yield heroic
        finally:
            await asyncio.to_thread(heroic.make, "clean")


async def open_episodes(door: FrontDoor, count: int) -> list[str]:
    """So many clients with an episode each, so that each submission raises an alert."""
    lines = [
        line
        for number in range(count)
        for line in (
            {"kind": "client", "external_id": f"c{number}"},
            {
                # The line's own kind is that of the bulk call.
                **episode_of(client_external_id=f"c{number}"),
                "kind": "episode",
                "external_id": f"e{number}",
            },
        )
    ]
    outcomes = await door.bulk("/intake/v1/bulk", lines)
    refused = [outcome for outcome in outcomes if outcome["status"] != "created"]
    if refused:
        raise RuntimeError(f"{len(refused)} lines were refused: {refused[0]}")
    return [outcome["id"] for outcome in outcomes[1::2]]


async def measure(door: FrontDoor, episodes: list[str]) -> list[float]:
    """Milliseconds from just before each submission to its alert, in their order."""
    sent: dict[str, float] = {}
    came: dict[str, float] = {}
    # Tokens warm: the first call makes feedback fetch the issuer's keys.
    await door.get("/feedback/v1/measures")
    async with door.alerts() as stream, asyncio.TaskGroup() as group:

        async def listen() -> None:
            async with asyncio.timeout(WARM_SECONDS + SECONDS + MISSING_SECONDS):
                while len(came) < len(episodes):
                    message = await anext(stream)
                    came.setdefault(message.data["episode_id"], time.perf_counter())

        async def submit(episode: str) -> None:
            sent[episode] = time.perf_counter()
            await door.post("/feedback/v1/ratings", phq9(episode, 1))

        group.create_task(listen())
        started = time.perf_counter()
        for number, episode in enumerate(episodes):
            await asyncio.sleep(started + number / A_SECOND - time.perf_counter())
            group.create_task(submit(episode))
    return [1000 * (came[episode] - sent[episode]) for episode in episodes]


async def idle_round_trips(kafka: str) -> list[float]:
    """Milliseconds that a record takes to the broker and back while nothing else happens."""
    place = TopicPartition("bench.round-trip", 0)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(place.topic, 1, 1)])
    await admin.close()
    async with (
        AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=True) as producer,
        AIOKafkaConsumer(bootstrap_servers=kafka) as consumer,
    ):
        consumer.assign([place])
        await consumer.seek_to_end(place)
        found = []
        for number in range(ROUND_TRIPS):
            mark = f"bench-{number}".encode()
            started = time.perf_counter()
            await producer.send(place.topic, b"{}", key=mark, partition=0)
            while (await consumer.getone()).key != mark:
                continue
            found.append(1000 * (time.perf_counter() - started))
    return found
