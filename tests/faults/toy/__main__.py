"""`python -m tests.faults.toy worker|writer`, configured by the environment."""

import asyncio
import hashlib
import json
import logging
import os
import sys
from datetime import UTC, datetime

from shared.consuming import Consumer, create_broker
from shared.contracts.feedback import RatingDeclined
from shared.database import create_database
from shared.errors import Unavailable
from shared.eventstore import Append, EventStore, IdempotencyKey, NewEvent, Write
from shared.ids import new_id
from shared.privacy import Keyring
from shared.privacy.table import PostgresKeyTable
from shared.relay import Relay
from shared.telemetry import describe
from shared.topics import topic
from shared.worker import Worker
from tests.faults.toy.crashing import arm
from tests.faults.toy.handler import Tallier
from tests.support.keyring import WRAPPING_KEY

SERVICE = os.environ["TOY_SERVICE"]


def keyring() -> Keyring:
    """The keys of the toy."""
    keys = create_database(os.environ["TOY_KEYS_URL"], pool_size=2)
    return Keyring(PostgresKeyTable(keys), WRAPPING_KEY)


async def worker() -> int:
    """Relay and tally."""
    if order := os.environ["TOY_CRASH"]:
        arm(order)
    database = create_database(os.environ["TOY_DATABASE_URL"])
    store = EventStore(database, keyring(), service=SERVICE)
    broker = create_broker(os.environ["TOY_KAFKA"])
    consumer = Consumer(
        group=f"{SERVICE}.tally",
        topics=[topic(SERVICE)],
        handler=Tallier(store),
        database=database,
        store=store,
        broker=broker,
        instance=os.environ["TOY_INSTANCE"] or None,
    )
    relay = Relay(SERVICE, os.environ["TOY_READER_URL"], os.environ["TOY_KAFKA"])
    return await Worker(SERVICE, relay=relay, broker=broker, consumers=[consumer]).run()


async def writer() -> int:
    """One command a line, one answer a line: `done` once it is durable, else `again`."""
    database = create_database(os.environ["TOY_DATABASE_URL"])
    store = EventStore(database, keyring(), service=SERVICE)
    await store.start()
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with asyncio.TaskGroup() as group:
        while line := await lines.readline():
            group.create_task(obey(store, json.loads(line)))
    return 0


async def obey(store: EventStore, command: dict[str, str]) -> None:
    """Write the event that `command` names."""
    try:
        await store.write(write_of(command))
        answer = "done"
    except Unavailable as error:
        logging.warning("%s: again: %s", command["key"], describe(error))
        answer = "again"
    sys.stdout.write(json.dumps({"key": command["key"], "answer": answer}) + "\n")
    sys.stdout.flush()


def write_of(command: dict[str, str]) -> Write:
    """The same command is the same request, however often it comes; its event says which."""
    client, key = command["client"], command["key"]
    data = RatingDeclined(
        episode_id=client,
        client_id=client,
        measure="ors",
        session_id=key,
        at=datetime(2026, 1, 5, tzinfo=UTC),
    )
    append = Append(
        tenant=command["tenant"],
        stream=f"feedback-{client}",
        expected=int(command["version"]) - 1,
        events=[NewEvent(id=new_id(), data=data)],
        subject=client,
        secret_of=client,
    )
    once = IdempotencyKey(
        principal="writer", key=key, request_hash=hashlib.sha256(key.encode()).digest()
    )
    return Write(
        tenant=command["tenant"],
        appends=[append],
        idempotency=once,
        response=b"{}",
        secret_of=client,
    )


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    sys.exit(asyncio.run({"worker": worker, "writer": writer}[sys.argv[1]]()))
