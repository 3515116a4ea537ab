"""Sending to Kafka so that nothing is lost and no key's order changes."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.structs import RecordMetadata

MAX_BATCH_BYTES = 1_000_000
"""Of the records for one partition, as many bytes as are sent at once."""

RECORD_OVERHEAD = 100
BATCH_OVERHEAD = 1_000

CLOSE_SECONDS = 2.0

FAILURES = (KafkaError, OSError)


log = logging.getLogger(__name__)


class Record(NamedTuple):
    """One record to send."""

    key: bytes
    value: bytes


class Publisher:
    """Sends records to one topic; after any error it must be closed and made anew.

    With acks from all and idempotence the producer repeats a batch until the broker has it, once.
    All records that are under way to a partition are in one batch: it is written whole or not at
    all, so a failure never leaves a later record of a key there without an earlier one.
    """

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._topic = topic
        self._bootstrap = bootstrap
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=MAX_BATCH_BYTES + BATCH_OVERHEAD,
        )
        self._partition_of = DefaultPartitioner()
        self._partitions: list[int] = []
        self.offsets: dict[int, int] = {}

    async def start(self) -> None:
        """Connect, and learn where each partition of the topic ends. Raises one of FAILURES."""
        await self._producer.start()
        consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap)
        try:
            await consumer.start()
            self._partitions = sorted(await self._producer.partitions_for(self._topic))
            topic_partitions = [TopicPartition(self._topic, n) for n in self._partitions]
            ends = await consumer.end_offsets(topic_partitions)
        finally:
            await consumer.stop()
        self.offsets = {partition.partition: end for partition, end in ends.items()}

    async def send(self, records: Sequence[Record]) -> "asyncio.Future[None]":
        """Hand over `records` in order; the future ends with the last ack.

        That of the call before must have ended. Raises one of FAILURES, here or from the future.
        """
        futures: list[asyncio.Future[RecordMetadata]] = []
        sizes: dict[int, int] = defaultdict(int)
        for record in records:
            partition = self._partition_of(record.key, self._partitions, self._partitions)
            size = len(record.key) + len(record.value) + RECORD_OVERHEAD
            if sizes[partition] and sizes[partition] + size > MAX_BATCH_BYTES:
                await self._acknowledged(futures)
                futures, sizes = [], defaultdict(int)
            sizes[partition] += size
            # Nothing else runs meanwhile, so that the sender of the producer finds whole batches.
            sent = self._producer.send(self._topic, record.value, record.key, partition)
            futures.append(await sent)
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
        try:
            await asyncio.wait_for(self._producer.stop(), CLOSE_SECONDS)
        except TimeoutError:
            # It waits for acks that do not come. Cut the line, so that nothing is sent later.
            await self._producer.client.close()
            if self._producer._sender is not None:
                self._producer._sender.sender_task.cancel()
        except FAILURES as error:
            log.warning("closing the producer: %s", type(error).__name__)
