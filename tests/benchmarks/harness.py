"""What every benchmark has: a stack of its own, fresh databases, rounds, results."""

import asyncio
import gc
import statistics
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec

from deploy.setup import databases
from deploy.setup.databases import DatabaseUrls
from tests.conftest import ROLE_PASSWORDS


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One measured figure. `ratio` is value / baseline, the median of the rounds' ratios."""

    value: float
    unit: str
    baseline: float | None = None
    ratio: float | None = None
    rounds: int = 1
    note: str = ""


@dataclass
class Environment:
    """The stack that is measured. `rounds` is how often each pair of measurements is repeated."""

    postgres_admin_dsn: str
    kafka: str
    redis_url: str
    rounds: int = 3
    _made: list[str] = field(default_factory=list)

    async def database(self) -> DatabaseUrls:
        """A fresh database with the login roles; it is dropped when the benchmark ends."""
        name = f"heroic_bench_{uuid.uuid4().hex[:12]}"
        await databases.create_roles(self.postgres_admin_dsn, ROLE_PASSWORDS)
        await databases.create_database(self.postgres_admin_dsn, name)
        self._made.append(name)
        return databases.urls(self.postgres_admin_dsn, ROLE_PASSWORDS, name)

    def admin_url(self, urls: DatabaseUrls) -> str:
        """The superuser's way into a database that `database` made."""
        return databases.with_database(
            self.postgres_admin_dsn, urlsplit(urls.owner).path.lstrip("/")
        )

    async def drop_databases(self) -> None:
        """Drop what `database` made."""
        import asyncpg

        connection = await asyncpg.connect(self.postgres_admin_dsn)
        for name in self._made:
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self._made.clear()
        await connection.close()

    def say(self, text: str) -> None:
        """Tell who waits what is being measured."""
        sys.stderr.write(f"  {text}\n")


Measure = Callable[[], Awaitable[float]]


async def compare(
    environment: Environment, measured: Measure, baseline: Measure, *, unit: str, note: str = ""
) -> Result:
    """Both in turn, round after round, so that a drift of the machine meets both."""
    pairs = []
    for number in range(environment.rounds):
        pair = (await settled(baseline), await settled(measured))
        pairs.append(pair)
        environment.say(f"round {number + 1}: {pair[1]:,.0f} against {pair[0]:,.0f} {unit}")
    return Result(
        value=statistics.median(value for _, value in pairs),
        unit=unit,
        baseline=statistics.median(base for base, _ in pairs),
        ratio=round(statistics.median(value / base for base, value in pairs), 3),
        rounds=len(pairs),
        note=note,
    )


async def settled(measure: Measure) -> float:
    """One measurement that does not pay for the garbage of the one before."""
    gc.collect()
    return await measure()


async def rate(work: Callable[[int], Awaitable[int]], callers: int, seconds: float) -> float:
    """Things done a second by `callers` at once; `work(caller)` does some and says how many.

    The first tenth of the time warms up and is not counted.
    """
    warm = time.perf_counter() + seconds / 10
    end = warm + seconds
    done = 0
    started = warm

    async def call(caller: int) -> None:
        nonlocal done, started
        while (now := time.perf_counter()) < end:
            count = await work(caller)
            if now >= warm:
                done += count

    await asyncio.gather(*(call(caller) for caller in range(callers)))
    return done / (time.perf_counter() - started)


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which `part` (0 to 1) of `values` lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
