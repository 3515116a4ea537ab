"""Severities in their order, and the step that repetition adds."""

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
    if repetitions < STEP_AT_REPETITION:
        return base
    return LADDER[min(LADDER.index(base) + 1, len(LADDER) - 1)]
