"""Kafka → handler: batches, exactly once in effect, retries, parking.

    broker = create_broker(settings.kafka)
    consumer = Consumer(group="feedback.care", topics=[topic("intake")], handler=Care(),
                        database=database, store=None, broker=broker)

A handler computes a Plan from a batch of events; the kernel writes it together with the versions
of the streams and the checkpoint, in one transaction (`batch.py`).
"""

from shared.consuming.consumer import Consumer, create_broker
from shared.consuming.parking import held_back_since
from shared.consuming.records import Decode, Handler, Incoming, Plan

__all__ = [
    "Consumer",
    "Decode",
    "Handler",
    "Incoming",
    "Plan",
    "create_broker",
    "held_back_since",
]
