"""Fitting the expected response to 5,000 simulated episodes: seconds, and memory of the process.

It runs in a process of its own, whose peak is the fit's alone.
"""

import asyncio
import resource
import statistics
import sys
import time

import msgspec

from tests.benchmarks.harness import Environment, Result

NAMES = ("expected_fit_s", "expected_fit_memory_mib")

EPISODES = 5_000


class Fitted(msgspec.Struct):
    """What one fit took."""

    seconds: float
    peak_mib: float
    ratings: int


async def run(environment: Environment) -> dict[str, Result]:
    """So many fits, one after the other."""
    found = []
    for number in range(environment.rounds):
        found.append(await fit_in_a_process())
        environment.say(f"round {number + 1}: {found[-1].seconds:.1f} s")
    note = f"{EPISODES} episodes, {found[0].ratings} ratings"
    return {
        "expected_fit_s": Result(
            value=statistics.median(one.seconds for one in found),
            unit="s",
            rounds=len(found),
            note=note,
        ),
        "expected_fit_memory_mib": Result(
            value=max(one.peak_mib for one in found),
            unit="MiB",
            rounds=len(found),
            note="the most that the process held",
        ),
    }


async def fit_in_a_process() -> Fitted:
    """One fit."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.expected_fit", stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    return msgspec.json.decode(said, type=Fitted)


def main() -> None:
    """Fit once and say what it took."""
    from shared.measures.fit import fit
    from tests.support.simulated import simulated

    courses = list(simulated(EPISODES))
    started = time.perf_counter()
    fitted = fit(courses)
    seconds = time.perf_counter() - started
    # Linux counts in KiB, macOS in bytes.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    sys.stdout.buffer.write(msgspec.json.encode(Fitted(seconds, peak, fitted.ratings)))


if __name__ == "__main__":
    main()
