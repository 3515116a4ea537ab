"""Scoring and assessing one rating after another, and a whole episode anew, on one core.

No stack is asked anything: this is the pure core alone. A fitted curve is in force, so that every
rule is evaluated. Counted in time of the processor, since nothing here waits.
"""

import statistics
import time
from collections.abc import Callable

from shared.measures import Series, assess, assess_all, default_rules, measure, score
from shared.measures.expected import Curve
from tests.benchmarks.harness import Environment, Result

NAMES = ("assess_rating", "reassess_us")

RATINGS = 36
EPISODES = 300
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


async def run(environment: Environment) -> dict[str, Result]:
    """Measure both."""
    each = seconds_each(score_and_assess, environment.rounds)
    whole = seconds_each(reassess, environment.rounds)
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
    }
