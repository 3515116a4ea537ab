"""From answers to a score. Everything is in integer tenths."""

from collections.abc import Mapping

import msgspec

from shared.contracts.feedback import RiskFlag
from shared.errors import FieldError, Invalid
from shared.measures.definition import Definition, Formula, Part

INCOMPLETE = "incomplete"
PRORATED = "prorated"
RISK_NOT_RECEIVED = "risk_not_received"
NOTHING: frozenset[str] = frozenset()


class Scored(msgspec.Struct, frozen=True):
    """What a filled-in form says, in tenths.

    `items` are the answers as given. `total` is None where too many are missing, and so is a
    subscale then absent. `risk` has an entry for each risk item that the form asks, None as its
    value where it was skipped; it is empty for a total alone. `flags`: `prorated` (a total or a
    subscale stands on part of its items), `incomplete` (there is no total), `risk_not_received`
    (the form asks, the total came alone), and the id of an item that exempted others.
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
    flags, exempt = exemptions(definition, items) if definition.exemptions else ([], NOTHING)
    answers = counted(definition, items, exempt)
    total, prorated = add_up(definition.formula, definition.whole, answers, exempt)
    subscales = {}
    for key, part in definition.parts.items():
        value, of_some = add_up(definition.formula, part, answers, exempt)
        prorated = prorated or of_some
        if value is not None:
            subscales[key] = value
    if total is None:
        flags.append(INCOMPLETE)
    if prorated:
        flags.append(PRORATED)
    risk = [RiskFlag(risk.item, risk.target, items.get(risk.item)) for risk in definition.risk]
    return Scored(dict(items), total, subscales, flags, risk)


def exemptions(
    definition: Definition, items: Mapping[str, int]
) -> tuple[list[str], frozenset[str]]:
    """The items whose answers exempt others, and the items that they exempt."""
    hold = [one for one in definition.exemptions if items.get(one.item) == one.value * 10]
    exempt = frozenset(item for one in hold for item in one.exempts)
    return [one.item for one in hold], exempt


def counted(
    definition: Definition, items: Mapping[str, int], exempt: frozenset[str]
) -> dict[str, int]:
    """The answers that count, by item, the reversed ones turned round."""
    turned, scored = definition.turned, definition.scored
    return {
        item: turned[item] - value if item in turned else value
        for item, value in items.items()
        if item in scored and item not in exempt
    }


def add_up(
    formula: Formula, part: Part, answers: Mapping[str, int], exempt: frozenset[str]
) -> tuple[int | None, bool]:
    """The score of a part of the items, and whether it is prorated; None if too many are missing.

    For n items of which some are answered: sum x n / answered x times, or sum / answered x times
    for a mean; rounded half up to the step of the score.
    """
    values = [answers[item] for item in part.items if item in answers]
    complete = len(values) == len(part.items)
    missing = NOTHING if complete else part.required - answers.keys() - exempt
    if not values or not may_prorate(part, missing):
        return None, False
    total = sum(values) * formula.times
    if formula.of == "sum":
        total *= len(values) + len(missing)
    return rounded(total, len(values), part.grid), bool(missing)


def may_prorate(part: Part, missing: frozenset[str]) -> bool:
    """Whether so few items are missing, and none that must not, that the rest stands for all."""
    if not missing:
        return True
    return len(missing) <= part.missing.most and missing.isdisjoint(part.missing.never)


def rounded(numerator: int, denominator: int, grid: range) -> int:
    """The number on the grid that is nearest to the fraction, half up."""
    above, step = numerator - grid.start * denominator, grid.step
    return grid.start + (2 * above + denominator * step) // (2 * denominator * step) * step


def check_items(definition: Definition, items: Mapping[str, int]) -> None:
    """Raise Invalid if there is no answer, one to no item, or one that its item does not allow."""
    if not definition.items:
        raise Invalid(errors=[FieldError("/items", "only totals are taken", "totals_only")])
    if not items:
        raise Invalid(errors=[FieldError("/items", "there is no answer", "no_answers")])
    errors, grids = [], definition.grids
    for name, value in items.items():
        grid = grids.get(name)
        if grid is None:
            errors.append(FieldError("/items", "there is no such item", "unknown_item"))
        elif value not in grid:
            errors.append(off_scale(f"/items/{name}", grid, value))
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
