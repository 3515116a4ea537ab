"""A load of sealed ratings in a topic, as relays would write it. Runs in a process of its own.

    python -m tests.benchmarks._ratings < load.json

First an `EpisodeOpened` for each new client, then the ratings round by round: each client's next.
Ids follow from the client's number, so that a later load can go on with the same clients.
"""

import asyncio
import base64
import json
import random
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice

import msgspec
import uvloop
from aiokafka import AIOKafkaProducer

from shared.contracts import Event, envelope_bytes
from shared.contracts.feedback import RatingContent, RatingSubmitted
from shared.contracts.intake import EpisodeOpened
from shared.database import create_database
from shared.ids import derived_id, new_id
from shared.privacy import Keyring, SubjectCipher, open_keyring, seal
from tests.benchmarks.harness import Environment

START = datetime(2025, 1, 6, 9, tzinfo=UTC)
TENANT = derived_id("benchmark tenant")
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
KEY = base64.b64encode(b"k" * 32).decode()
IN_FLIGHT = 5_000


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """Clients `first` to `first + clients`, each with the ratings `begin` to `end` (from 1)."""

    kafka: str
    keys: str
    topic: str
    first: int = 0
    clients: int
    begin: int = 1
    end: int

    @property
    def events(self) -> int:
        """How many records it makes."""
        opened = self.clients if self.begin == 1 else 0
        return opened + self.clients * (self.end - self.begin + 1)


def client_of(number: int) -> str:
    """The id of a client; not in the order of their numbers."""
    return derived_id("benchmark client", str(number))


def episode_of(number: int) -> str:
    """The id of the client's episode."""
    return derived_id("benchmark episode", str(number))


async def put(environment: Environment, load: Load) -> None:
    """Make the load in another process, and wait until the broker has all of it."""
    environment.say(f"making {load.events:,} events")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdin=asyncio.subprocess.PIPE
    )
    await process.communicate(msgspec.json.encode(load))
    if process.returncode:
        raise RuntimeError("the load was not made")


def messages(load: Load, ciphers: dict[int, SubjectCipher]) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of each record, in order."""
    numbers = range(load.first, load.first + load.clients)
    if load.begin == 1:
        for number in numbers:
            yield message(
                number, ciphers[number], f"episode-{episode_of(number)}", 1, opening(number)
            )
    for version in range(load.begin, load.end + 1):
        for number in numbers:
            data = rating(number, version)
            yield message(number, ciphers[number], f"feedback-{data.episode_id}", version, data)


def opening(number: int) -> EpisodeOpened:
    """The episode of a client begins."""
    return EpisodeOpened(
        episode_id=episode_of(number),
        client_id=client_of(number),
        age_group="adult",
        opened_at=START,
    )


def rating(number: int, version: int) -> RatingSubmitted:
    """The client's rating of one week, with four items and a total in tenths."""
    items = {str(item): random.randrange(0, 101) for item in range(1, 5)}
    return RatingSubmitted(
        rating_id=new_id(),
        episode_id=episode_of(number),
        client_id=client_of(number),
        measure="ors",
        definition_version=1,
        occurred_at=START + timedelta(days=7 * version),
        private=RatingContent(items=items, total=sum(items.values())),
    )


def message(
    number: int, cipher: SubjectCipher, stream: str, version: int, data: Event
) -> tuple[bytes, bytes]:
    """One record as the relay would send it."""
    event_id, client_id = new_id(), client_of(number)
    raw = envelope_bytes(
        event_type=data.type,
        event_id=event_id,
        subject=client_id,
        recorded_at=START + timedelta(days=7 * version),
        tenant=TENANT,
        stream=stream,
        version=version,
        epoch=1,
        position=version,
        schema_version=1,
        correlation_id=event_id,
        causation_id=None,
        traceparent=TRACEPARENT,
        data=seal(data, cipher, tenant=TENANT, stream=stream, event_id=event_id),
    )
    return client_id.encode(), raw


async def send(load: Load) -> None:
    """Seal and send everything, keyed and in order."""
    numbers = range(load.first, load.first + load.clients)
    async with open_keys(load.keys) as keyring:
        refs = {number: (TENANT, client_of(number)) for number in numbers}
        await keyring.create(refs.values())
        loaded = await keyring.load(refs.values())
    ciphers = {number: cipher for number, ref in refs.items() if (cipher := loaded[ref])}
    producer = AIOKafkaProducer(
        bootstrap_servers=load.kafka, acks="all", enable_idempotence=True, linger_ms=5
    )
    async with producer:
        records = messages(load, ciphers)
        while chunk := list(islice(records, IN_FLIGHT)):
            sent = [await producer.send(load.topic, value, key=key) for key, value in chunk]
            await asyncio.gather(*sent)


@asynccontextmanager
async def open_keys(url: str) -> AsyncIterator[Keyring]:
    """The keyring of the benchmarks."""
    keyring = open_keyring(create_database(url), KEY)
    try:
        yield keyring
    finally:
        await keyring.close()


if __name__ == "__main__":
    uvloop.run(send(msgspec.convert(json.load(sys.stdin), Load)))
