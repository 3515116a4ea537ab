"""A worker on real Kafka, seen from outside: whether it lives, works, and when it last polled."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx
import pytest

from shared import health, worker
from shared.consuming import Consumer, create_broker
from shared.consuming.records import Incoming
from shared.worker import Worker
from tests.integration.consuming.home import Client, Home, Recorder
from tests.support.waiting import eventually_async
from tests.support.working import working


@asynccontextmanager
async def seen_from_outside(
    home: Home, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """A worker with one consumer, and the way to its metrics port."""
    monkeypatch.setattr(health, "_watched", {})
    broker = create_broker(home.kafka)
    consumer = Consumer(
        group=home.group,
        topics=[home.topic],
        handler=recorder,
        database=home.database,
        store=None,
        broker=broker,
    )
    part = Worker("toy", relay=None, broker=broker, consumers=[consumer])
    url = f"http://127.0.0.1:{health.serve('127.0.0.1', 0)}"
    async with working(part), httpx.AsyncClient(base_url=url, trust_env=False) as http:
        yield http


async def poll_age(http: httpx.AsyncClient, group: str) -> float:
    """The gauge as Prometheus gets it."""
    name = f'heroic_consumer_poll_age_seconds{{group="{group}"}} '
    [line] = [one for one in (await http.get("/metrics")).text.splitlines() if name in one]
    return float(line.removeprefix(name))


async def test_a_handler_that_hangs_is_seen_by_the_age_of_the_last_poll(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "LATE_SECONDS", 1.0)
    go_on = asyncio.Event()

    async def hang(_: Sequence[Incoming]) -> None:
        await go_on.wait()

    async with seen_from_outside(home, Recorder(on_apply=hang), monkeypatch) as http:

        async def ready() -> bool:
            return (await http.get("/health/ready")).status_code == 200

        async def late() -> bool:
            return (await http.get("/health/ready")).status_code == 503

        await eventually_async(ready)
        # Nothing has come, and it asks on.
        assert await poll_age(http, home.group) < 1
        await home.send(Client().event(1))
        await eventually_async(late)
        assert await poll_age(http, home.group) > 1
        assert "last poll" in (await http.get("/health/ready")).text
        # Only what lasts much longer is a reason to kill it.
        assert (await http.get("/health/live")).status_code == 200
        go_on.set()
        await home.until_applied(1)
        await eventually_async(ready)
