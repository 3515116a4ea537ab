"""The outcomes that NHS Talking Therapies counts over a pair of measures, and their rates.

Source: NHS Talking Therapies for anxiety and depression manual (NHS England). The pair is a
measure of depression (PHQ-9) and one of anxiety; scores are integer tenths. Caseness and reliable
change are those of the definitions.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from shared.contracts.intake import AgeGroup
from shared.measures.change import reliably_better, reliably_worse
from shared.measures.definition import Definition

FINISHED = 2
"""A course of treatment is one of so many attended treatment sessions or more."""


class Scores(NamedTuple):
    """The first and the last score (tenths) on one measure of the pair; None where not rated."""

    definition: Definition
    first: int | None
    last: int | None


class Course(NamedTuple):
    """A closed course: the treatment sessions attended, and the scores on both measures."""

    attended: int
    depression: Scores
    anxiety: Scores
    age_group: AgeGroup = "adult"


class CourseOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a course.

    `at_caseness` (at the start) is None where the scores do not say. The others are False for a
    course without a first and a last score on both measures.
    """

    finished: bool
    at_caseness: bool | None
    paired: bool
    recovered: bool
    reliably_improved: bool
    reliably_deteriorated: bool

    @property
    def reliably_recovered(self) -> bool:
        """Recovered and reliably improved."""
        return self.recovered and self.reliably_improved

    @property
    def reliably_unchanged(self) -> bool:
        """Neither reliably improved nor reliably deteriorated, with paired scores."""
        return self.paired and not (self.reliably_improved or self.reliably_deteriorated)


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Rates of the finished courses, from 0 to 1; None without a denominator.

    `recovery` and `reliable_recovery` divide by `finished` - `not_at_caseness`, the others by
    `finished`. Courses without paired scores stay in both denominators.
    """

    finished: int
    not_at_caseness: int
    paired: int
    recovery: float | None
    reliable_improvement: float | None
    reliable_recovery: float | None
    reliable_deterioration: float | None
    no_reliable_change: float | None


def outcome(course: Course) -> CourseOutcome:
    """What became of a course."""
    pair = course.depression, course.anxiety
    at_start = at_caseness([(one.definition, one.first) for one in pair], course.age_group)
    at_end = at_caseness([(one.definition, one.last) for one in pair], course.age_group)
    better, worse, paired = [], [], True
    for definition, first, last in pair:
        if first is None or last is None:
            paired = False
            continue
        better.append(reliably_better(definition, first, last))
        worse.append(reliably_worse(definition, first, last))
    return CourseOutcome(
        finished=course.attended >= FINISHED,
        at_caseness=at_start,
        paired=paired,
        recovered=paired and at_start is True and at_end is False,
        reliably_improved=paired and any(better) and not any(worse),
        reliably_deteriorated=paired and any(worse) and not any(better),
    )


def at_caseness(
    scores: Iterable[tuple[Definition, int | None]], age_group: AgeGroup
) -> bool | None:
    """Whether any score is on the clinical side; None where those that are known do not say."""
    known = []
    for definition, score in scores:
        cutoff = definition.cutoff(age_group)
        known.append(None if score is None or cutoff is None else cutoff.is_clinical(score))
    return True if True in known else None if None in known else False


def rates(outcomes: Iterable[CourseOutcome]) -> Rates:
    """The rates over all courses; those that are not finished count nowhere."""
    finished = [one for one in outcomes if one.finished]
    below = sum(one.at_caseness is False for one in finished)
    cases = len(finished) - below
    return Rates(
        finished=len(finished),
        not_at_caseness=below,
        paired=sum(one.paired for one in finished),
        recovery=share(sum(one.recovered for one in finished), cases),
        reliable_improvement=share(sum(one.reliably_improved for one in finished), len(finished)),
        reliable_recovery=share(sum(one.reliably_recovered for one in finished), cases),
        reliable_deterioration=share(
            sum(one.reliably_deteriorated for one in finished), len(finished)
        ),
        no_reliable_change=share(sum(one.reliably_unchanged for one in finished), len(finished)),
    )


def share(part: int, whole: int) -> float | None:
    """A part of a whole; None of nothing."""
    return part / whole if whole else None
