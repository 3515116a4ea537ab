"""The worker of a service: its relay and its consumers in one process.

It ends when it is told to (SIGTERM, SIGINT: within 20 s, exit code 0), or when a part of it cannot
go on (exit code 1). It restarts nothing by itself: whoever runs it sees that it has ended.
"""

import asyncio
import gc
import logging
import math
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker
from prometheus_client import Gauge

from shared import health
from shared.consuming import Consumer
from shared.consuming.assignment import back_off_seconds
from shared.consuming.progress import ProgressKeeper, Watched
from shared.relay import Relay
from shared.telemetry import describe

log = logging.getLogger(__name__)

STOP_SECONDS = 18

# Batches make many objects that live exactly as long as the batch: looking for cycles among them
# after every 700 costs a fifth of the time.
GC_THRESHOLD = (200_000, 50, 100)

READY = Gauge("heroic_consumer_ready", "1 where the consumer has its partitions.", ["group"])
POLL_AGE = Gauge(
    "heroic_consumer_poll_age_seconds",
    "Seconds since the consumer last asked Kafka for records; NaN before it first did.",
    ["group"],
)

PULSE_SECONDS = 1.0
LATE_SECONDS = 60.0
"""Nothing that is well keeps a poll or the event loop waiting for so long: a statement may take 30
seconds."""
DEAD_SECONDS = 300.0
"""After so long without a poll the group gives the partitions to others by itself."""


class Worker:
    """Runs the parts of one service until told to stop. `beside` are parts of its own, by their
    names; `closing` is what is closed at the end, in this order: databases, key rings."""

    def __init__(
        self,
        service: str,
        *,
        relay: Relay | None,
        broker: KafkaBroker,
        consumers: Sequence[Consumer],
        beside: Mapping[str, Callable[[], Coroutine[Any, Any, None]]] | None = None,
        closing: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        self.service = service
        self._relay = relay
        self._broker = broker
        self._consumers = consumers
        self._beside = beside or {}
        self._closing = closing
        self._stop = asyncio.Event()
        self._failed = False
        self._pulse_at = time.monotonic()

    async def run(self) -> int:
        """Work until a signal or a failure; the exit code."""
        gc.set_threshold(*GC_THRESHOLD)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        for consumer in self._consumers:
            READY.labels(consumer.group).set_function(partial(_readiness, consumer))
            POLL_AGE.labels(consumer.group).set_function(partial(_poll_age, consumer))
        health.watch(self.service, self)
        tasks = [self._part(name, work) for name, work in self._parts()]
        log.info("worker of %s: started", self.service)
        await self._stop.wait()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._close(tasks)
        except TimeoutError:
            log.critical("worker of %s: could not stop in time", self.service)
            self._failed = True
        log.info("worker of %s: stopped", self.service)
        return int(self._failed)

    def stop(self) -> None:
        """Ask it to end."""
        self._stop.set()

    def why_dead(self) -> list[str]:
        """What only a new process would end."""
        wrong = [
            f"{consumer.group}: last poll {age:.0f} s ago"
            for consumer in self._consumers
            if (age := consumer.poll_age or 0.0) > DEAD_SECONDS
        ]
        if (silent := time.monotonic() - self._pulse_at) > LATE_SECONDS:
            wrong.append(f"event loop: silent for {silent:.0f} s")
        return wrong

    def why_not_ready(self) -> list[str]:
        """Why work does not go on for now."""
        wrong = self.why_dead()
        for consumer in self._consumers:
            if not consumer.ready:
                wrong.append(f"{consumer.group}: no partitions")
            elif (age := consumer.poll_age or 0.0) > LATE_SECONDS:
                wrong.append(f"{consumer.group}: last poll {age:.0f} s ago")
        if self._stop.is_set():
            wrong.append("stopping")
        return wrong

    def _parts(self) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        parts: list[tuple[str, Coroutine[Any, Any, None]]] = [
            (consumer.group, self._watch(consumer)) for consumer in self._consumers
        ]
        parts.append(("pulse", self._beat()))
        parts += [(name, work()) for name, work in self._beside.items()]
        if self._relay is not None:
            parts.append(("relay", self._relay.run()))
        if self._consumers:
            parts.append(("broker", self._start_broker()))
            parts.append(("progress", self._progress().run()))
        return parts

    def _progress(self) -> ProgressKeeper:
        watched = [
            Watched(consumer.database, consumer.group, topic)
            for consumer in self._consumers
            for topic in consumer.topics
        ]
        return ProgressKeeper(self._consumers[0].bootstrap, watched)

    def _part(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        async def guarded() -> None:
            try:
                await work
            except Exception as error:  # noqa: BLE001 - whatever it was, the worker ends with it
                log.critical("worker of %s: %s: %s", self.service, name, describe(error))
                self._failed = True
                self.stop()

        return asyncio.create_task(guarded(), name=f"{self.service} {name}")

    async def _beat(self) -> None:
        while True:
            self._pulse_at = time.monotonic()
            await asyncio.sleep(PULSE_SECONDS)

    async def _start_broker(self) -> None:
        """Begin to consume; waits for as long as the broker is away."""
        failures = 0
        while True:
            try:
                await self._broker.start()
            except (KafkaError, OSError) as error:
                failures += 1
                log.warning("worker of %s: no broker: %s", self.service, describe(error))
                await self._broker.stop()
                await asyncio.sleep(back_off_seconds(failures))
            else:
                return

    async def _watch(self, consumer: Consumer) -> None:
        await consumer.start()
        await consumer.stopped.wait()
        if consumer.failure is not None:
            raise consumer.failure

    async def _close(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        # First the consumers: a batch that is under way ends, none begins.
        await asyncio.gather(*(consumer.stop() for consumer in self._consumers))
        await self._broker.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for close in self._closing:
            await close()


def _readiness(consumer: Consumer) -> float:
    return float(consumer.ready)


def _poll_age(consumer: Consumer) -> float:
    return math.nan if consumer.poll_age is None else consumer.poll_age
