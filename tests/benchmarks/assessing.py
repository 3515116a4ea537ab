"""Scoring and assessing one rating after another, a whole episode anew, and a file of ratings.

No stack is asked anything: this is the pure core alone. A fitted curve is in force, so that every
rule is evaluated. Counted in time of the processor, since nothing here waits; only `heroic` is
timed as its user sees it, from start to end.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from shared.measures import Series, assess, assess_all, default_rules, measure, score
from shared.measures.expected import Curve
from tests.benchmarks.harness import Environment, Result

NAMES = ("assess_rating", "reassess_us", "analyse_rules_s")

RATINGS = 36
EPISODES = 300
CLIENTS, ROWS = 400, 5_346
SECONDS = 1e6

CURVE = Curve(
    measure="phq-9",
    age_group="adult",
    version=1,
    kind="fitted",
    intercept=14.0,
    slope=-2.0,
    baseline_effect=0.8,
    interaction=-0.1,
    baseline_mean=14.0,
    g00=4.0,
    g01=0.0,
    g11=1.0,
    variance=14.0,
    longest=20,
)


def answers(number: int) -> dict[str, int]:
    """The items of a PHQ-9 (tenths) that wander up and down."""
    return {str(item): (number * 7 + item * 3 + number // 5) % 4 * 10 for item in range(1, 10)}


FORMS = [answers(number) for number in range(RATINGS)]


def score_and_assess() -> int:
    """Score the items of so many ratings and assess each as it comes; how many."""
    definition, rules = measure("phq-9"), default_rules()
    for _ in range(EPISODES):
        series = Series()
        for form in FORMS:
            total = score(definition, form).total
            if total is not None:
                series, _assessment = assess(definition, rules, series, total, curve=CURVE)
    return EPISODES * RATINGS


def reassess() -> int:
    """Assess whole episodes from their totals; how many."""
    definition, rules = measure("phq-9"), default_rules()
    totals = [score(definition, form).total or 0 for form in FORMS]
    for _ in range(EPISODES):
        for _assessment in assess_all(definition, rules, totals, curve=CURVE):
            pass
    return EPISODES


def seconds_each(work: Callable[[], int], rounds: int) -> list[float]:
    """How long one took, round by round."""
    work()
    found = []
    for _ in range(rounds):
        started = time.process_time()
        done = work()
        found.append((time.process_time() - started) / done)
    return found


def write_file(file: Path) -> None:
    """So many ratings of so many clients, as large as the real file."""
    lines = ["client,day,bdi"]
    for row in range(ROWS):
        client, number = row % CLIENTS, row // CLIENTS
        lines.append(f"{client},{number * 7},{(client * 13 + number * number * 7) % 64}")
    file.write_text("\n".join(lines))


async def analyse(file: Path) -> float:
    """How long `heroic analyse rules` takes on `file`, start-up and all."""
    options = ("--client", "client", "--time", "day", "--value", "bdi", "--measure", "bdi")
    command = ("-m", "deploy.cli", "analyse", "rules", str(file), *options, "--json")
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.DEVNULL
    )
    if await process.wait() != 0:
        raise RuntimeError("heroic analyse rules failed")
    return time.perf_counter() - started


async def run(environment: Environment) -> dict[str, Result]:
    """Measure all three."""
    each = seconds_each(score_and_assess, environment.rounds)
    whole = seconds_each(reassess, environment.rounds)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ratings.csv"
        write_file(file)
        analysed = [await analyse(file) for _ in range(environment.rounds)]
    return {
        "assess_rating": Result(
            value=round(1 / statistics.median(each)),
            unit="ratings/s",
            rounds=len(each),
            note="PHQ-9 items scored and assessed one after another, one core",
        ),
        "reassess_us": Result(
            value=round(statistics.median(whole) * SECONDS, 1),
            unit="us",
            rounds=len(whole),
            note=f"an episode of {RATINGS} ratings from its totals",
        ),
        "analyse_rules_s": Result(
            value=round(statistics.median(analysed), 3),
            unit="s",
            rounds=len(analysed),
            note=f"`heroic analyse rules` on {ROWS:,} ratings, start-up and all",
        ),
    }
