"""What projecting an event costs with a million events stored, against ten thousand."""

import statistics

from tests.benchmarks._projecting import Place, drain, make_place
from tests.benchmarks._ratings import Load, put
from tests.benchmarks.harness import Environment, Result

NAMES = ("flatness_project",)

CLIENTS = 2_000
BEFORE = 5
AFTER = 15
SMALL = 1
LARGE = 100
"""Times ten thousand ratings, of so many times as many clients: histories do not get longer
because a platform gets bigger."""


async def run(environment: Environment) -> dict[str, Result]:
    """The same clients get the same further ratings, among few others and among many."""
    small = await costs(environment, SMALL)
    large = await costs(environment, LARGE)
    ratio = statistics.median(large) / statistics.median(small)
    stored = CLIENTS * BEFORE
    return {
        "flatness_project": Result(
            value=round(ratio, 3),
            unit="x",
            baseline=round(statistics.median(small), 1),
            ratio=round(ratio, 3),
            rounds=environment.rounds,
            note=f"µs an event at {stored * LARGE:,} ratings stored against {stored * SMALL:,}",
        )
    }


async def costs(environment: Environment, times: int) -> list[float]:
    """µs an event of further ratings in a store of `times` as many clients, round after round."""
    place = await make_place(environment)
    ballast = load(place, CLIENTS, CLIENTS * (times - 1), 1, BEFORE)
    measured = load(place, 0, CLIENTS, 1, BEFORE)
    await put(environment, measured)
    done = measured.events
    if ballast.clients:
        await put(environment, ballast)
        done += ballast.events
    await drain(place, done, count=2, seconds=900)
    found = []
    for number in range(environment.rounds):
        more = load(place, 0, CLIENTS, BEFORE + 1 + number * AFTER, BEFORE + (number + 1) * AFTER)
        await put(environment, more)
        processed = await drain(place, done + more.events, count=1)
        found.append(1e6 / processed.rate(done))
        done += more.events
        environment.say(f"x {times}: {found[-1]:.1f} µs an event")
    return found


def load(place: Place, first: int, clients: int, begin: int, end: int) -> Load:
    """Some ratings of some clients."""
    return Load(
        kafka=place.kafka,
        keys=place.keys,
        topic=place.topic,
        first=first,
        clients=clients,
        begin=begin,
        end=end,
    )
