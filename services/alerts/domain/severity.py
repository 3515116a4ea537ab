"""Severities in their order, and the step that repetition adds."""

from collections.abc import Iterable

from shared.contracts.outcomes import Severity

LADDER: tuple[Severity, ...] = ("info", "medium", "high", "urgent")
"""From the least to the most severe."""

STEP_AT_REPETITION = 3
"""The repetition at which the severity rises by one step."""


def worse(one: Severity, other: Severity) -> Severity:
    """The more severe of two."""
    return max(one, other, key=LADDER.index)


def after_repetitions(base: Severity, repetitions: int) -> Severity:
    """`base`, one step up once it has been repeated three times."""
    return one_up(base) if repetitions >= STEP_AT_REPETITION else base


def along(said: Iterable[Severity]) -> Severity:
    """The severity of an alert whose ratings said these, one after another.

    Never less than before, and one step up at the third repetition.
    """
    level = LADDER[0]
    for repetition, severity in enumerate(said):
        level = worse(level, severity)
        if repetition == STEP_AT_REPETITION:
            level = one_up(level)
    return level


def one_up(severity: Severity) -> Severity:
    """The next on the ladder; the last stays."""
    return LADDER[min(LADDER.index(severity) + 1, len(LADDER) - 1)]
