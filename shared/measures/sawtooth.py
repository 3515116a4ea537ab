"""Sawtooth: scores that jump up and down too much to be read as a course."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

TURNS = 4
"""So many large steps, each against the one before it, make a sawtooth; they need five ratings."""


def sawtooth(values: Sequence[int], *, step: Decimal) -> bool:
    """Whether `values` (tenths, in order) go up and down by `step` (points) or more.

    Of the steps from one rating to the next only those of at least `step` count, and of those
    only the first and each that goes against the one counted before.
    """
    turns, direction = 0, 0
    for before, after in pairwise(values):
        change = after - before
        if abs(change) >= step * 10 and change * direction <= 0:
            turns += 1
            direction = change
    return turns >= TURNS
