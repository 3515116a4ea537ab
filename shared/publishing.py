"""Sending to Kafka so that nothing is lost and no key's order changes."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

MAX_BATCH_BYTES = 1_000_000
"""What one call of `send` may hold, so that each partition gets it as one batch."""

CLOSE_SECONDS = 2.0

FAILURES = (KafkaError, OSError)


class Record(NamedTuple):
    """One record to send."""

    key: bytes
    value: bytes


class Publisher:
    """Sends records to one topic; after any error it must be closed and made anew.

    With acks from all and idempotence the producer repeats a batch until the broker has it, once.
    All records of one `send` for a partition are in one batch: it is written whole or not at all,
    so a failure never leaves a later record of a key there without an earlier one.
    """

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._topic = topic
        self._bootstrap = bootstrap
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=MAX_BATCH_BYTES + 48_000,
        )
        self.offsets: dict[int, int] = {}

    async def start(self) -> None:
        """Connect, and learn where each partition of the topic ends. Raises one of FAILURES."""
        await self._producer.start()
        consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap)
        try:
            await consumer.start()
            numbers = await self._producer.partitions_for(self._topic)
            partitions = [TopicPartition(self._topic, number) for number in numbers]
            ends = await consumer.end_offsets(partitions)
        finally:
            await consumer.stop()
        self.offsets = {partition.partition: end for partition, end in ends.items()}

    async def send(self, records: Sequence[Record]) -> "asyncio.Future[None]":
        """Hand over `records`, at most MAX_BATCH_BYTES or one; the future ends with the last ack.

        The one before must have ended. Raises one of FAILURES, here or from the future.
        """
        # No other task runs between two of these, so that the sender finds complete batches.
        futures = [
            await self._producer.send(self._topic, record.value, record.key) for record in records
        ]
        return asyncio.ensure_future(self._acknowledged(futures))

    async def _acknowledged(self, futures: Sequence["asyncio.Future[RecordMetadata]"]) -> None:
        # All of them, also where one fails: nothing may still be under way when we begin anew.
        results = await asyncio.gather(*futures, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
            self.offsets[result.partition] = result.offset + 1

    async def send_aside(self, topic: str, record: Record) -> None:
        """Send one record to another topic and wait for its ack. Raises one of FAILURES."""
        await self._producer.send_and_wait(topic, record.value, record.key)

    async def close(self) -> None:
        """Let go of the broker; what is under way may still arrive there."""
        with contextlib.suppress(TimeoutError, *FAILURES):
            await asyncio.wait_for(self._producer.stop(), CLOSE_SECONDS)
