"""The four services on real parts: whatever is killed, every answer stays true and each view and
alert is what the answers add up to."""

import asyncio
import logging
import random
from collections import Counter
from pathlib import Path
from typing import get_args

import msgspec
import psutil
import pytest

from tests.faults.checker import Findings
from tests.faults.real import Platform, open_platform, patiently
from tests.faults.real_checker import PlatformChecker
from tests.faults.real_load import Integration, Kind, Ledger, live_together
from tests.faults.seeds import seeds

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

log = logging.getLogger(__name__)

CLIENTS = 40
CATCH_UP_SECONDS = 60
SETTLE_SECONDS = 60
ZOMBIE_SECONDS = 12
IN_FLIGHT = 3

APPLIED = "SELECT count(*) FROM journal WHERE stream LIKE 'feedback-%'"
TAKEN = "SELECT count(*) FROM seen_events WHERE group_name = 'alerts.risk'"

PUBLISHED = """
SELECT count(*) FROM events e, relay_checkpoint c WHERE (e.xid, e.position) <= (c.xid, c.position)
"""

BUSY = {"outcomes-worker", "alerts-worker", "alerts-rules"}
"""Those that write what follows from each rating: they are hit inside a transaction, the others
with events that they have not published."""


class Drill:
    """One run: the platform, who uses it, and what was done to it."""

    def __init__(
        self, platform: Platform, sites: list[Integration], ledger: Ledger, seed: int
    ) -> None:
        self.platform = platform
        self.sites = sites
        self.ledger = ledger
        self.chance = random.Random(seed)

    async def caught_up(self) -> None:
        """Wait until all that is acknowledged now has reached views and risk alerts, and more."""
        wanted = len(self.ledger.entries) + 1

        async def reached() -> bool:
            [[applied]] = await self.platform.fetch("outcomes", APPLIED)
            [[taken]] = await self.platform.fetch("alerts", TAKEN)
            return bool(min(applied, taken) >= wanted)

        await patiently(reached, CATCH_UP_SECONDS)

    async def published(self, service: str) -> None:
        """Wait until all that a service has stored now is published, and more."""
        [[stored]] = await self.platform.fetch(service, "SELECT count(*) FROM events")

        async def more() -> bool:
            [[sent]] = await self.platform.fetch(service, PUBLISHED)
            return bool(sent > stored)

        await patiently(more, CATCH_UP_SECONDS)

    async def kill_worker(self, name: str) -> None:
        """kill -9 with work under way, and a new one."""
        await self.platform.strike(name, self.chance, in_transaction=name in BUSY)
        self.platform.kill(name)
        self.platform.start(name)

    async def kill_web(self) -> None:
        """kill -9 while requests are under way, and a new one."""
        before = self.ledger.unknown

        async def busy() -> bool:
            await asyncio.sleep(self.chance.uniform(0.001, 0.02))
            return self.ledger.in_flight >= IN_FLIGHT

        await patiently(busy, 10)
        self.platform.kill("web")
        self.platform.start("web")

        async def noticed() -> bool:
            return self.ledger.unknown > before

        await patiently(noticed, 10)

    async def make_a_zombie(self, name: str) -> None:
        """Of two workers one is stopped in a transaction, for longer than its sessions last, and
        wakes up after the other has taken over."""
        self.platform.start(f"{name}-2")
        await self.platform.until_consuming(f"{name}-2")
        await self.platform.strike(name, self.chance, in_transaction=True)
        until = asyncio.get_running_loop().time() + ZOMBIE_SECONDS
        await self.kill_web()
        await self.caught_up()
        await self.published(name.split("-")[0])
        await asyncio.sleep(max(0.0, until - asyncio.get_running_loop().time()))
        psutil.Process(self.platform.processes[name].process.pid).resume()
        await self.platform.until_consuming(name)
        await self.caught_up()

    async def lose_part(self, name: str) -> None:
        """PostgreSQL or Kafka is killed and comes back."""
        await self.platform.restart_part(name)
        await self.caught_up()


async def injure(drill: Drill) -> None:
    """Everything that may die does, one after the other and in an order that the seed decides."""
    # Intake's first: clients are still being registered.
    await drill.kill_worker("intake-worker")
    await drill.caught_up()
    workers = [name for name in drill.platform.workers if name != "intake-worker"]
    drill.chance.shuffle(workers)
    for name in workers:
        await drill.kill_worker(name)
        await drill.caught_up()
    await drill.make_a_zombie(drill.chance.choice(["outcomes-worker", "alerts-worker"]))
    for part in drill.chance.sample(["postgres", "kafka"], 2):
        await drill.lose_part(part)


def assert_it_was_hard(drill: Drill) -> None:
    """Each fault happened: work was under way where it struck, and callers noticed."""
    platform, ledger = drill.platform, drill.ledger
    hit = Counter(one.name for one in platform.struck)
    assert hit.keys() == set(platform.workers)
    assert max(hit.values()) == 2, "one is killed and then a zombie"
    for one in platform.struck:
        assert one.transactions if one.name in BUSY else one.unpublished, one
    assert ledger.unknown > 0, "the web process died with requests under way"
    assert ledger.refused > 0, "the database was away"
    assert len(ledger.clients) == len(ledger.episodes) == CLIENTS
    assert {entry.kind for entry in ledger.entries} == set(get_args(Kind))
    assert all(child.exit_code is None for child in platform.processes.values())


@pytest.mark.parametrize("seed", seeds(2))
async def test_nothing_is_lost_doubled_or_wrong_whatever_is_killed(
    tmp_path: Path, seed: int
) -> None:
    """F1 to F4, F8, F14 and F19 on the four services."""
    async with open_platform(tmp_path / "home") as platform:
        up = msgspec.json.decode(platform.home.up_file.read_bytes())
        ledger, enough = Ledger(), asyncio.Event()
        sites = [Integration(up, number, ledger) for number in range(2)]
        drill = Drill(platform, sites, ledger, seed)
        async with asyncio.TaskGroup() as group:
            group.create_task(live_together(sites, CLIENTS, seed, enough))
            await injure(drill)
            enough.set()
        findings = await PlatformChecker(up, sites, ledger).settled(SETTLE_SECONDS)
        log.info("%s", figures(drill, findings))
        assert not findings.wrong, f"{findings.wrong}\n{platform.last_words()}"
        assert not ledger.wrong, "\n".join([*ledger.wrong[:3], *ledger.wrong[-3:]])
        assert_it_was_hard(drill)
        assert await platform.command("parked", "list") == (0, "")
        code, said = await platform.command("projections", "verify", "1")
        assert code == 0, said
        for site in sites:
            await site.http.aclose()


def figures(drill: Drill, findings: Findings) -> str:
    """What a report of the run says."""
    ledger, struck = drill.ledger, drill.platform.struck
    return (
        f"{len(ledger.entries)} commands, {ledger.unknown} unknown, {ledger.refused} refused, "
        f"{findings.events} events, {findings.duplicates} delivered again; struck: "
        + ", ".join(f"{s.name} ({s.transactions} open, {s.unpublished} to send)" for s in struck)
    )
