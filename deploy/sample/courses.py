"""Invented courses of care, drawn so that they follow published figures. Pure: a seed decides.

Aimed at: ORS at intake 17.5 (SD 7.75), 60 to 65 % improve and 5 to 10 % deteriorate, sessions
weekly with a mean of 6.5 and a median of 5, a fifth drops out, SRS left-skewed around 36.5 (SD 4),
PHQ-9 from 14.2 (6.1) to 9.5 (6.6), a quarter of the forms missing, and noise of about half the
spread at intake within each client.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Literal

ORS_MEAN, ORS_SD = 17.5, 6.9
NOISE_SD = 3.6
PHQ_PER_ORS = 0.62
"""Points that the PHQ-9 falls for each that the ORS rises, about the ratio of their spreads."""

MISSING = 0.25
MOST_SESSIONS = 24

Ending = Literal["planned", "unplanned"]


@dataclass(frozen=True)
class Form:
    """What a client filled in at a session: answers in tenths by item."""

    session: int
    measure: Literal["ors", "srs", "phq-9"]
    items: dict[str, int]


@dataclass(frozen=True)
class Course:
    """One client's way. `gain` is where the ORS ends above its beginning, in points."""

    number: int
    start: float
    gain: float
    sessions: int
    ending: Ending | None

    @property
    def name(self) -> str:
        """The external id: clearly a sample's."""
        return name_of(self.number)

    def level(self, session: int) -> float:
        """The ORS (points) that is expected at a session, from 0: most change comes early."""
        return self.start + self.gain * (1 - math.exp(-session / 1.8))


def name_of(number: int) -> str:
    """The external id of an invented client."""
    return f"sample-{number:03d}"


def course(number: int, random: Random) -> Course:
    """One invented client; about half of the courses are over."""
    start = clamped(random.gauss(ORS_MEAN, ORS_SD), 1, 38)
    room = (40 - start) / (40 - ORS_MEAN)
    kind = random.random()
    if kind < 0.78:
        gain = room * random.gauss(11.5, 3)
    elif kind < 0.83:
        gain = -random.uniform(6, 11)
    else:
        gain = random.gauss(1, 1.5)
    # A log-normal of median 5 and mean 6.5.
    sessions = round(clamped(random.lognormvariate(math.log(5), 0.72), 1, MOST_SESSIONS))
    over = random.random() < 0.5
    ending: Ending | None = None
    if over:
        ending = "unplanned" if random.random() < 0.2 else "planned"
    return Course(number, start, gain, sessions, ending)


def forms(course: Course, random: Random) -> Iterator[Form]:
    """What the client filled in so far: ORS and SRS at each session, PHQ-9 at every fourth."""
    for session in range(course.sessions):
        yield from forms_at(course, session, random, missing=MISSING if session else 0)


def forms_at(
    course: Course, session: int, random: Random, *, missing: float = 0.0
) -> Iterator[Form]:
    """The forms of one session, each of which may be missing."""
    ors = clamped(random.gauss(course.level(session), NOISE_SD), 0, 40)
    if random.random() >= missing:
        yield Form(session, "ors", lines_of(ors, random))
    if random.random() >= missing:
        # Left-skewed: most at the ceiling's side.
        srs = clamped(40 - random.gammavariate(1.0, 3.6), 12, 40)
        yield Form(session, "srs", lines_of(srs, random))
    if session % 4 == 0 and random.random() >= missing:
        yield Form(session, "phq-9", phq_answers(course, ors, random))


def lines_of(total: float, random: Random) -> dict[str, int]:
    """Four lines of 0 to 10 (tenths) whose mean is about a quarter of `total` (points)."""
    mean = total / 4
    return {str(item): round(10 * clamped(random.gauss(mean, 0.7), 0, 10)) for item in range(1, 5)}


def phq_answers(course: Course, ors: float, random: Random) -> dict[str, int]:
    """Nine answers of 0 to 3 (tenths); the ninth is rarely above zero."""
    total = clamped(14.2 + PHQ_PER_ORS * (ORS_MEAN - ors) + random.gauss(0, 3), 0, 27)
    answers = {str(item): 0 for item in range(1, 10)}
    for _ in range(round(total)):
        open_items = [item for item, value in answers.items() if value < 3 and item != "9"]
        if not open_items:
            break
        answers[random.choice(open_items)] += 1
    answers["9"] = int(random.random() < total / 150) + int(random.random() < total / 900)
    return {item: value * 10 for item, value in answers.items()}


def clamped(value: float, low: float, high: float) -> float:
    """`value`, but not beyond the ends."""
    return min(high, max(low, value))
