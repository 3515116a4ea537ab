"""What a process with workers says of itself on the port of its metrics."""

import asyncio
import math
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from shared import health, worker
from shared.consuming import create_broker
from shared.consuming.polling import Polls
from shared.worker import Worker
from tests.support.waiting import eventually, eventually_async
from tests.support.working import working


class Kafka:
    """A consumer as far as health goes."""

    group = "demo.group"

    def __init__(self) -> None:
        self.ready = True
        self.poll_age: float | None = None


@pytest.fixture
def consumer() -> Kafka:
    return Kafka()


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(health, "_watched", {})
    return health.serve("127.0.0.1", 0)


@pytest.fixture
def watched(port: int, consumer: Any) -> Worker:
    part = Worker("demo", relay=None, broker=create_broker("nowhere:1"), consumers=[consumer])
    health.watch("demo", part)
    return part


@pytest.fixture
def http(port: int) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=5) as client:
        yield client


def test_a_worker_that_works_lives_and_is_ready(watched: Worker, http: httpx.Client) -> None:
    for path in ("/health/live", "/health/ready"):
        answer = http.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok", "why": []})


def test_metrics_are_where_they_were(http: httpx.Client) -> None:
    for path in ("/metrics", "/"):
        assert "heroic_http_request_seconds" in http.get(path).text


def test_who_has_no_partitions_lives_and_is_not_ready(
    watched: Worker, consumer: Kafka, http: httpx.Client
) -> None:
    consumer.ready = False
    assert http.get("/health/live").status_code == 200
    answer = http.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["why"] == ["demo: demo.group: no partitions"]


def test_a_late_poll_is_not_ready_and_a_later_one_is_dead(
    watched: Worker, consumer: Kafka, http: httpx.Client
) -> None:
    consumer.poll_age = worker.LATE_SECONDS + 1
    assert http.get("/health/live").status_code == 200
    assert http.get("/health/ready").json()["why"] == ["demo: demo.group: last poll 61 s ago"]
    consumer.poll_age = worker.DEAD_SECONDS + 1
    assert http.get("/health/live").status_code == 503


def test_who_stops_is_not_ready(watched: Worker, http: httpx.Client) -> None:
    watched.stop()
    assert http.get("/health/live").status_code == 200
    assert http.get("/health/ready").json()["why"] == ["demo: stopping"]


def test_before_there_is_a_worker_nothing_is_ready(http: httpx.Client) -> None:
    assert http.get("/health/ready").status_code == 503


async def test_an_event_loop_that_hangs_is_dead(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "LATE_SECONDS", 0.5)
    monkeypatch.setattr(worker, "PULSE_SECONDS", 0.05)
    part = Worker("demo", relay=None, broker=create_broker("nowhere:1"), consumers=[])

    async def watched() -> bool:
        return bool(health._watched)

    async with working(part):
        await eventually_async(watched)
        assert (await asyncio.to_thread(http.get, "/health/live")).status_code == 200
        # The wait keeps the loop from running.
        eventually(lambda: http.get("/health/live").status_code == 503, 5)


async def test_polls_are_counted_whether_they_bring_anything_or_not() -> None:
    polls = Polls()
    assert polls.age is None
    asked = asyncio.Event()

    async def poll(consumer: object) -> tuple[object, ...]:
        asked.set()
        return ()

    counted = polls.counted(poll)
    assert await counted(consumer=None) == ()
    assert asked.is_set()
    assert polls.age is not None
    assert polls.age < 1


def test_who_has_not_polled_yet_has_no_age_to_show(consumer: Any) -> None:
    assert math.isnan(worker._poll_age(consumer))
