"""Scales that are scales, and a total that its items can reach."""

from collections.abc import Iterator
from decimal import Decimal
from math import gcd

from shared.errors import FieldError
from shared.measures.definition import Definition, Formula, Item
from shared.measures.scoring import points, rounded
from shared.measures.thresholds import Scale

LARGEST = Decimal(10_000)
"""The furthest that a scale may go, in points."""

DECIMALS = 6
"""How many digits after the point a number may have: all arithmetic is exact with these."""


def check_scales(definition: Definition) -> Iterator[FieldError]:
    """Items, total and subscales: finite tenths, low below high, steps that end on the high."""
    for place, item in enumerate(definition.items):
        yield from check_scale(f"/items/{place}", item)
    yield from check_scale("/total", definition.total)
    for place, subscale in enumerate(definition.subscales):
        yield from check_scale(f"/subscales/{place}/scale", subscale.scale)


def check_scale(pointer: str, scale: Scale) -> Iterator[FieldError]:
    """One scale."""
    numbers = {"low": scale.low, "high": scale.high, "step": scale.step}
    odd = [name for name, value in numbers.items() if not is_tenths(value)]
    for name in odd:
        yield FieldError(f"{pointer}/{name}", f"must be tenths, at most {LARGEST}", "not_in_tenths")
    if odd:
        return
    if scale.low >= scale.high:
        yield FieldError(f"{pointer}/high", "must be above low", "empty_scale")
    if scale.step <= 0:
        yield FieldError(f"{pointer}/step", "must be above zero", "step_not_positive")
    elif (scale.high - scale.low) % scale.step:
        yield FieldError(f"{pointer}/step", "does not lead from low to high", "uneven_step")


def is_tenths(value: Decimal) -> bool:
    """Whether it is a finite number of whole tenths, and none that nobody can mean."""
    return is_plain(value) and value * 10 % 1 == 0


def is_plain(value: Decimal) -> bool:
    """Whether it is a number as people write them: finite, not huge, not endless."""
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -DECIMALS and abs(value) <= LARGEST


def check_range(definition: Definition) -> Iterator[FieldError]:
    """The total and every subscale: from the lowest to the highest that the items give."""
    if not definition.items:
        return
    by_id = {item.id: item for item in definition.items}
    whole = list(definition.scored)
    yield from check_reach("/total", definition, definition.total, [by_id[id_] for id_ in whole])
    for place, one in enumerate(definition.subscales):
        known = [by_id[id_] for id_ in one.items if id_ in definition.scored]
        yield from check_reach(f"/subscales/{place}/scale", definition, one.scale, known)


def check_reach(
    pointer: str, definition: Definition, scale: Scale, items: list[Item]
) -> Iterator[FieldError]:
    """One score of some items: what they can give at least and at most, and in which steps."""
    if not items:
        return
    ways = [reach(definition.formula, way, scale) for way in selections(definition, items)]
    low, high = min(low for low, _ in ways), max(high for _, high in ways)
    if (low, high) != (scale.grid[0], scale.grid[-1]):
        detail = f"the items give {points(low)} to {points(high)}"
        yield FieldError(pointer, detail, "range_not_reached")
    if definition.formula.of == "sum":
        steps = (item.grid.step * definition.formula.times for item in items)
        finest = gcd(*steps)
        if finest % scale.grid.step:
            detail = f"the items give steps of {points(finest)}"
            yield FieldError(f"{pointer}/step", detail, "step_not_met")


def selections(definition: Definition, items: list[Item]) -> list[list[Item]]:
    """Which of the items may make the score: all, those that always count, those not exempted."""
    left = [[item for item in items if not item.optional]]
    left += [
        [item for item in items if item.id not in exemption.exempts]
        for exemption in definition.exemptions
    ]
    return [items, *(some for some in left if some)]


def reach(formula: Formula, items: list[Item], scale: Scale) -> tuple[int, int]:
    """The least and the most that complete answers to the items give, in tenths."""
    low = sum(item.grid[0] for item in items) * formula.times
    high = sum(item.grid[-1] for item in items) * formula.times
    if formula.of == "sum":
        return low, high
    return rounded(low, len(items), scale.grid), rounded(high, len(items), scale.grid)
