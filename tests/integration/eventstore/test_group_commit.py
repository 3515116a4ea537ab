"""Strangers share a transaction, and what happens to one never happens to another."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec
import pytest

from shared.database import create_database
from shared.errors import HeroicError, Unavailable
from shared.eventstore import (
    COMMAND_DEADLINE,
    DuplicateEvent,
    EventStore,
    IdempotencyKey,
    IdempotencyMismatch,
    NewEvent,
    Write,
    Written,
    WrongVersion,
)
from shared.ids import new_id
from tests.support.eventstore import Home, other_process, rating


def stream() -> str:
    return f"feedback-{new_id()}"


async def versions(home: Home, stream: str) -> list[int]:
    return [event.version for event in await home.store.read(home.tenant, stream)]


async def test_a_bad_row_fails_its_own_caller_alone(home: Home) -> None:
    good = [home.write(stream()) for _ in range(60)]
    twice = home.write(stream())
    await home.store.write(twice)
    same_id = msgspec.structs.replace(
        twice.appends[0], stream=stream(), events=twice.appends[0].events
    )
    surrogate = msgspec.structs.replace(home.write(stream()), correlation_id="\ud800")
    bad = [msgspec.structs.replace(twice, appends=[same_id]), surrogate]

    results = await asyncio.gather(
        *(home.store.write(write) for write in [*good[:30], *bad, *good[30:]]),
        return_exceptions=True,
    )
    assert isinstance(results[30], DuplicateEvent)
    assert isinstance(results[31], HeroicError)
    assert results[31].status == 422
    assert all(isinstance(one, Written) for one in [*results[:30], *results[32:]])
    assert await versions(home, same_id.stream) == []
    assert await versions(home, surrogate.appends[0].stream) == []


async def test_a_caller_who_goes_away_takes_nobody_along(home: Home) -> None:
    writes = [home.write(stream()) for _ in range(100)]
    tasks = [asyncio.create_task(home.store.write(write)) for write in writes]
    await asyncio.sleep(0)
    for number, task in enumerate(tasks):
        if number % 3 == 0:
            task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(one, Written) for n, one in enumerate(results) if n % 3)
    assert isinstance(await home.store.write(home.write(stream())), Written)


async def test_one_key_fifty_times_is_one_event_and_one_body(home: Home) -> None:
    async with other_process(home) as other:
        target, key = stream(), new_id()
        stores = [home.store, other]
        results = await asyncio.gather(
            *(stores[n % 2].write(home.write(target, key=key)) for n in range(50))
        )
    [winner] = [one for one in results if one.replayed is None]
    bodies = {one.replayed.body for one in results if one.replayed}
    assert len(bodies) == 1
    assert winner.positions
    assert await versions(home, target) == [1]


async def test_a_key_used_for_another_request_is_refused(home: Home) -> None:
    key = new_id()
    first = home.write(stream(), key=key)
    await home.store.write(first)
    other = IdempotencyKey(principal="somebody", key=key, request_hash=b"another")
    second = msgspec.structs.replace(home.write(stream(), key=key), idempotency=other)
    with pytest.raises(IdempotencyMismatch):
        await home.store.write(second)
    with pytest.raises(IdempotencyMismatch):
        await home.store.stored_response(home.tenant, other)
    assert first.idempotency is not None
    stored = await home.store.stored_response(home.tenant, first.idempotency)
    assert stored is not None
    assert (stored.status, stored.body) == (201, first.response)


async def test_a_stale_write_leaves_its_key_free(home: Home) -> None:
    target, key = stream(), new_id()
    await home.store.write(home.write(target))
    with pytest.raises(WrongVersion):
        await home.store.write(home.write(target, key=key))
    again = await home.store.write(home.write(target, expected=1, key=key))
    assert again.replayed is None


async def test_an_answer_that_is_kept_is_not_readable_in_the_database(home: Home) -> None:
    write = msgspec.structs.replace(
        home.write(stream(), key=new_id()), response=b'{"note": "canary of mine"}'
    )
    await home.store.write(write)
    async with home.database.session(home.tenant) as connection:
        rows = (await connection.exec_driver_sql("SELECT response FROM idempotency")).all()
    assert rows
    assert not any(b"canary" in bytes(row[0]) for row in rows)


async def test_writers_of_many_streams_in_any_order_never_wait_in_a_circle(home: Home) -> None:
    streams = [stream() for _ in range(6)]
    await home.store.write(home.write(*streams))
    at = dict.fromkeys(streams, 1)

    async def move(store: EventStore, rng: random.Random) -> bool:
        some = rng.sample(streams, 3)
        appends = [home.ratings(one, expected=at[one]) for one in some]
        try:
            await store.write(Write(tenant=home.tenant, appends=appends))
        except WrongVersion:
            return False
        at.update(
            {
                one: max(at[one], append.expected + 1)
                for one, append in zip(some, appends, strict=True)
            }
        )
        return True

    async with other_process(home) as other:
        won = 0
        for seed in range(20):
            rng = random.Random(seed)
            moves = [move(store, rng) for store in (home.store, other) for _ in range(8)]
            won += sum(await asyncio.gather(*moves))
    assert won >= 20
    for one in streams:
        found = await versions(home, one)
        assert found == list(range(1, at[one] + 1))


async def test_a_lost_connection_is_never_a_success_and_the_key_tells_the_truth(
    home: Home,
) -> None:
    targets = {new_id(): stream() for _ in range(200)}
    admin = await asyncpg.connect(home.urls.app)
    first: dict[str, Written | Unavailable] = {}

    async def command(key: str) -> None:
        try:
            first[key] = await home.store.write(home.write(targets[key], key=key))
        except Unavailable as error:
            first[key] = error

    def was_hit() -> bool:
        return any(isinstance(one, Unavailable) for one in first.values())

    async def kill() -> None:
        while len(first) < len(targets) and not was_hit():
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'heroic-feedback-append'"
                " AND datname = current_database()"
            )

    await asyncio.gather(kill(), *(command(key) for key in targets))
    await admin.close()
    assert was_hit()
    for key, target in targets.items():
        again = await home.store.write(home.write(target, key=key))
        if isinstance(first[key], Written):
            assert again.replayed is not None
        assert await versions(home, target) == [1]


async def test_ids_that_are_too_old_are_refused_and_nothing_is_written(home: Home) -> None:
    # A second is kept for the server to begin its transaction in time.
    made = datetime.now(UTC) - COMMAND_DEADLINE + timedelta(seconds=0.5)
    milliseconds = f"{int(made.timestamp() * 1000):012x}"
    old = f"{milliseconds[:8]}-{milliseconds[8:]}{new_id()[13:]}"
    target = stream()
    event = NewEvent(id=old, data=rating(home.client).data)
    append = msgspec.structs.replace(home.ratings(target), events=[event])
    with pytest.raises(Unavailable):
        await home.store.write(Write(tenant=home.tenant, appends=[append]))
    assert await versions(home, target) == []


async def test_a_database_that_is_away_is_said_to_be_away(home: Home) -> None:
    database = create_database("postgresql://heroic_app:x@127.0.0.1:1/nowhere")
    store = EventStore(database, home.keyring, service="feedback")
    await store.start()
    with pytest.raises(Unavailable):
        await store.write(home.write(stream()))
    with pytest.raises(Unavailable):
        await store.heads(home.tenant, ["x"])
    with pytest.raises(Unavailable):
        await store.check()
    await store.stop()
    await home.store.check()


async def test_what_waits_is_committed_before_the_store_stops(home: Home) -> None:
    target = stream()
    async with other_process(home) as other:
        write = asyncio.create_task(other.write(home.write(target)))
        await asyncio.sleep(0)
    assert isinstance(await write, Written)
    with pytest.raises(Unavailable):
        await other.write(home.write(stream()))
    assert await versions(home, target) == [1]


async def test_many_writes_come_back_each_with_its_own_outcome(home: Home) -> None:
    taken = stream()
    await home.store.write(home.write(taken))
    writes = [home.write(stream()), home.write(taken), home.write(stream(), count=1_001)]
    written, stale, large = await home.store.write_many(writes)
    assert isinstance(written, Written)
    assert isinstance(stale, WrongVersion)
    assert isinstance(large, HeroicError)
    assert large.status == 413
