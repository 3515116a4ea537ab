"""From answers to a score. All numbers are integer tenths."""

from collections.abc import Mapping

import msgspec

from shared.contracts.feedback import RiskFlag
from shared.errors import FieldError, Invalid
from shared.measures.definition import Definition

INCOMPLETE = "incomplete"
PRORATED = "prorated"
RISK_NOT_RECEIVED = "risk_not_received"


class Scored(msgspec.Struct, frozen=True):
    """What a filled-in form says, in tenths.

    `total` is None where too many items are missing. `risk` has an entry for each risk item that
    the form asks, None as its value where it was skipped; it is empty for a total alone.
    `flags`: `prorated`, `incomplete`, `risk_not_received` (the form asks, the total came alone).
    """

    items: dict[str, int]
    total: int | None
    subscales: dict[str, int]
    flags: list[str]
    risk: list[RiskFlag]


def score(
    definition: Definition, items: Mapping[str, int] | None = None, total: int | None = None
) -> Scored:
    """Score the answers (`items`, by item id) or take over a `total`: exactly one of them.

    Raises Invalid naming every unknown item and every number out of range or off its step.
    """
    if (items is None) == (total is None):
        raise Invalid(
            "A rating has either items or a total.",
            errors=[
                FieldError("/items", "give items or total, not both or none", "items_xor_total")
            ],
        )
    if total is not None:
        return from_total(definition, total)
    return from_items(definition, items or {})


def from_total(definition: Definition, total: int) -> Scored:
    """A total that came without its items."""
    if total not in definition.total.grid:
        raise Invalid(errors=[off_scale("/total", definition.total.grid, total)])
    missed = bool(definition.risk) or definition.risk_on_paper
    return Scored({}, total, {}, [RISK_NOT_RECEIVED] if missed else [], [])


def from_items(definition: Definition, items: Mapping[str, int]) -> Scored:
    """The answers to the items; those that are absent were skipped, which is not zero."""
    check_items(definition, items)
    answered = [value for item, value in items.items() if item in definition.scored]
    missing = definition.scored - items.keys()
    total: int | None = None
    flags = []
    if not missing:
        total = sum(answered)
    elif may_prorate(definition, missing):
        total = prorate(sum(answered), len(definition.scored), len(answered), definition)
        flags.append(PRORATED)
    else:
        flags.append(INCOMPLETE)
    risk = [RiskFlag(risk.item, risk.target, items.get(risk.item)) for risk in definition.risk]
    return Scored(dict(items), total, {}, flags, risk)


def may_prorate(definition: Definition, missing: frozenset[str]) -> bool:
    """Whether so few items are missing, and none that must not, that the rest stands for all."""
    rule = definition.missing
    return len(missing) <= rule.most and missing.isdisjoint(rule.never)


def prorate(answers: int, items: int, answered: int, definition: Definition) -> int:
    """sum x n / answered, rounded half up to the step of the total (tenths)."""
    step = definition.total.grid.step
    return (2 * answers * items + answered * step) // (2 * answered * step) * step


def check_items(definition: Definition, items: Mapping[str, int]) -> None:
    """Raise Invalid if there is no answer, one to no item, or one that its item does not allow."""
    if not definition.items:
        raise Invalid(errors=[FieldError("/items", "only totals are taken", "totals_only")])
    if not items:
        raise Invalid(errors=[FieldError("/items", "there is no answer", "no_answers")])
    errors = []
    for name, value in items.items():
        item = definition.by_id.get(name)
        if item is None:
            errors.append(FieldError("/items", "there is no such item", "unknown_item"))
        elif value not in item.grid:
            errors.append(off_scale(f"/items/{item.id}", item.grid, value))
    if errors:
        raise Invalid(errors=errors)


def off_scale(pointer: str, grid: range, value: int) -> FieldError:
    """What is wrong with a number that is not on the grid (tenths)."""
    low, high = points(grid[0]), points(grid[-1])
    if not grid[0] <= value <= grid[-1]:
        return FieldError(pointer, f"must be from {low} to {high}", "out_of_range")
    return FieldError(pointer, f"must be in steps of {points(grid.step)}", "off_step")


def points(tenths: int) -> str:
    """Tenths as points in plain decimals: 234 is "23.4", 230 is "23"."""
    sign, whole, tenth = "-" if tenths < 0 else "", abs(tenths) // 10, abs(tenths) % 10
    return f"{sign}{whole}.{tenth}" if tenth else f"{sign}{whole}"
