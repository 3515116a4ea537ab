"""Real processes are killed, stopped and cut off; nothing is lost, doubled or out of order."""

import asyncio
import random
import signal

import pytest

from tests.faults.installation import Toy, under_load
from tests.faults.seeds import seeds
from tests.faults.toy.crashing import PLACES

FROZEN_SECONDS = 8

PROMISED_SECONDS = 15
"""After a kill, everything is where it belongs again."""

pytestmark = [pytest.mark.faults, pytest.mark.timeout(150)]


async def assert_nothing_is_wrong(toy: Toy, seconds: float) -> int:
    """Fail with what the checker found and what the processes said; the duplicates delivered."""
    findings = await toy.settled(seconds)
    assert not findings.wrong, f"{findings.wrong}\n{toy.last_words()}"
    assert findings.events == 2 * len(toy.acknowledged) > 0
    return findings.duplicates


@pytest.mark.parametrize("seed", seeds(2))
@pytest.mark.parametrize("place", PLACES)
async def test_a_worker_killed_at_the_worst_moment(toy: Toy, place: str, seed: int) -> None:
    """F1 to F3: killed there, started again, killed there once more, started again."""
    chance = random.Random(f"{place} {seed}")
    async with under_load(toy):
        for _ in range(2):
            doomed = await toy.start_worker(f"{place}:{chance.randint(1, 6)}", instance="one")
            ended = await asyncio.wait_for(doomed.wait(), 40)
            assert ended == -signal.SIGKILL, toy.last_words()
        await toy.start_worker(instance="one")
    duplicates = await assert_nothing_is_wrong(toy, PROMISED_SECONDS)
    if place == "published, checkpoint not moved":
        assert duplicates > 0


@pytest.mark.parametrize("seed", seeds(2))
async def test_writers_and_workers_killed_at_random(toy: Toy, seed: int) -> None:
    """A timeout is resolved by asking again with the same idempotency key."""
    chance = random.Random(seed)
    async with under_load(toy, 40) as writer:
        for _ in range(5):
            worker = await toy.start_worker()
            await asyncio.sleep(chance.uniform(0.8, 4))
            worker.kill()
            if chance.random() < 0.7:
                writer.kill()
        await toy.start_worker()
    assert writer.deaths > 0
    await assert_nothing_is_wrong(toy, 60)


async def test_a_zombie_wakes_up_after_another_has_taken_over(toy: Toy) -> None:
    """F14 and F19: two workers, two relays; one is stopped for longer than its session lasts."""
    async with under_load(toy):
        zombie = await toy.start_worker()
        await toy.start_worker()
        await toy.until_consumed()
        zombie.send_signal(signal.SIGSTOP)
        await asyncio.sleep(12)
        zombie.send_signal(signal.SIGCONT)
        await toy.until_consumed()
    await assert_nothing_is_wrong(toy, 40)
    assert zombie.returncode is None


@pytest.mark.parametrize("part", ["postgres", "kafka"])
@pytest.mark.parametrize("kill", [True, False], ids=["killed", "restarted"])
async def test_the_parts_that_it_stands_on_go_down_under_load(
    toy: Toy, part: str, kill: bool
) -> None:
    """F4 and F8: nothing is acknowledged that is not there, and nothing is parked by mistake."""
    async with under_load(toy):
        worker = await toy.start_worker()
        await toy.until_consumed()
        await asyncio.to_thread(toy.stand.restart, part, kill=kill)
        await toy.until_consumed()
    await assert_nothing_is_wrong(toy, 60)
    assert worker.returncode is None


async def test_a_broker_that_does_not_answer_for_a_while(toy: Toy) -> None:
    """F4: longer than a session lasts; commands are taken all the while."""
    async with under_load(toy):
        worker = await toy.start_worker()
        await toy.until_consumed()
        toy.stand.freeze("kafka")
        until = asyncio.get_running_loop().time() + FROZEN_SECONDS
        await toy.until_acknowledged(more=100)
        await asyncio.sleep(max(0.0, until - asyncio.get_running_loop().time()))
        toy.stand.thaw("kafka")
        await toy.until_consumed()
    await assert_nothing_is_wrong(toy, 60)
    assert worker.returncode is None


async def test_records_that_are_under_way_when_relay_and_broker_die(toy: Toy) -> None:
    """F1 and F4: sent, and acknowledged by nobody."""
    async with under_load(toy):
        worker = await toy.start_worker()
        await toy.until_consumed()
        toy.stand.freeze("kafka")
        await toy.until_acknowledged(more=100)
        worker.kill()
        await asyncio.to_thread(toy.stand.restart, "kafka", kill=True)
        await toy.start_worker()
        await toy.until_consumed()
    await assert_nothing_is_wrong(toy, 60)


async def test_a_worker_that_is_told_to_stop_under_load_does_so(toy: Toy) -> None:
    """F28."""
    async with under_load(toy):
        worker = await toy.start_worker()
        await toy.until_consumed()
        worker.terminate()
        assert await asyncio.wait_for(worker.wait(), 20) == 0
        await toy.start_worker()
    await assert_nothing_is_wrong(toy, 40)
