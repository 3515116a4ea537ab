"""Sawtooth: scores that jump up and down too much to be read as a course."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from shared.measures.thresholds import nearest_reaching

TURNS = 4
"""So many large steps, each against the one before it, make a sawtooth; they need five ratings."""


def turn(change: int, direction: int, step: int) -> int:
    """The sign of `change` where it counts, else 0; all in tenths.

    Of the steps from one rating to the next only those of at least `step` count, and of those
    only the first and each that goes against the one counted before (`direction`: its sign).
    """
    if abs(change) < step or change * direction > 0:
        return 0
    return 1 if change > 0 else -1


def sawtooth(values: Sequence[int], *, step: Decimal) -> bool:
    """Whether `values` (tenths, in order) go up and down by `step` (points) or more."""
    turns, direction, least = 0, 0, nearest_reaching(step * 10, ">=")
    for before, after in pairwise(values):
        if turned := turn(after - before, direction, least):
            turns, direction = turns + 1, turned
    return turns >= TURNS
