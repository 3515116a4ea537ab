"""What waits to be committed: who may travel together, who waits, who is told to go away."""

import asyncio
from datetime import UTC, datetime

import pytest

from shared.clock import milliseconds
from shared.errors import Unavailable
from shared.eventstore import COMMAND_DEADLINE, Write
from shared.eventstore.prepare import Columns, EventRow, HeadRow, Prepared
from shared.eventstore.queue import LARGEST_BATCH, MOST_EVENTS, MOST_WAITING, Queue, Waiting

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


def prepared(*streams: str, events: int = 1, size: int = 100) -> Prepared:
    """A write of some events for `streams`."""
    heads = [HeadRow("t", stream, 0, events, "c", None, None) for stream in streams]
    event = EventRow("t", streams[0], 1, "id", "type", "c", 1, "", None, None, b"{}")
    names = tuple(("stream", "t", stream) for stream in streams)
    return Prepared(Write(tenant="t", appends=[]), heads, None, [event] * events, names, size)


def queue_of(*writes: Prepared) -> tuple[Queue, list[Waiting]]:
    """A queue in which `writes` wait."""
    queue, all_waiting = Queue(lambda: NOW), [Waiting(write, milliseconds(NOW)) for write in writes]
    for waiting in all_waiting:
        queue.put(waiting)
    return queue, all_waiting


async def test_two_appends_of_one_stream_never_travel_together() -> None:
    queue, (first, second, other) = queue_of(prepared("a"), prepared("a", "b"), prepared("c"))
    batch = queue.take(1)
    assert batch == [first, other]
    assert queue.take(1) == [], "nor on another connection while the first is in flight"
    queue.done(batch)
    assert queue.take(1) == [second]


async def test_those_who_waited_for_a_stream_keep_their_order() -> None:
    queue, all_waiting = queue_of(*(prepared("a") for _ in range(5)))
    order = []
    for _ in all_waiting:
        batch = queue.take(1)
        order += batch
        queue.done(batch)
    assert order == all_waiting
    assert queue.take(1) == []


async def test_free_connections_share_what_waits() -> None:
    queue, _ = queue_of(*(prepared(str(number)) for number in range(1_200)))
    assert len(queue.take(2)) == LARGEST_BATCH
    assert len(queue.take(2)) == 344
    assert len(queue.take(1)) == 344
    assert queue.take(1) == []


async def test_a_batch_stays_small_enough_for_other_readers() -> None:
    half = MOST_EVENTS // 2
    queue, _ = queue_of(*(prepared(str(number), events=half) for number in range(5)))
    assert [len(queue.take(1)) for _ in range(3)] == [2, 2, 1]


async def test_one_large_write_travels_alone() -> None:
    queue, _ = queue_of(prepared("a", size=10**7), prepared("b", size=10**7))
    assert [len(queue.take(1)) for _ in range(3)] == [1, 1, 0]


async def test_who_went_away_is_left_out() -> None:
    queue, (gone, here) = queue_of(prepared("a"), prepared("b"))
    gone.future.cancel()
    assert queue.take(1) == [here]


async def test_who_waited_too_long_is_told() -> None:
    queue, (late,) = queue_of(prepared("a"))
    late.made_at = milliseconds(NOW - COMMAND_DEADLINE) - 1
    assert queue.take(1) == []
    assert isinstance(await asyncio.wait_for(late.future, 1), Unavailable)


async def test_memory_stays_bounded_while_the_database_is_slow() -> None:
    queue, _ = queue_of(*[prepared("a")] * MOST_WAITING)
    with pytest.raises(Unavailable):
        queue.put(Waiting(prepared("a"), milliseconds(NOW)))


def test_heads_are_locked_in_one_order_whoever_names_them_first() -> None:
    columns = Columns([prepared("c", "a"), prepared("b")])
    assert list(columns.heads[1]) == ["a", "b", "c"]
    assert list(columns.heads[7]) == [1, 2, 1]
