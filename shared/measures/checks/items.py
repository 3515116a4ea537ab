"""Everything that names items: the rules of missing items, subscales, exemptions, risk."""

from collections.abc import Iterator, Sequence

from shared.errors import FieldError
from shared.measures.checks.scales import is_plain
from shared.measures.definition import Definition, Missing


def check_items(definition: Definition) -> Iterator[FieldError]:
    """Whether every item that is named is there and may stand where it stands."""
    if definition.items and not definition.scored:
        yield FieldError("/items", "none of them is scored", "nothing_scored")
    yield from check_missing("/missing", definition, definition.missing, definition.scored)
    for place, subscale in enumerate(definition.subscales):
        pointer = f"/subscales/{place}"
        yield from check_ids(f"{pointer}/items", subscale.items, definition.scored)
        if not subscale.items:
            yield FieldError(f"{pointer}/items", "must not be empty", "nothing_scored")
        yield from check_missing(
            f"{pointer}/missing", definition, subscale.missing, frozenset(subscale.items)
        )
    yield from check_exemptions(definition)
    yield from check_risk(definition)


def check_missing(
    pointer: str, definition: Definition, rule: Missing, items: frozenset[str]
) -> Iterator[FieldError]:
    """A rule of missing items: it leaves one that is there, and names those that count."""
    if rule.most < 0 or rule.most >= max(len(items), 1):
        detail = f"must be from 0 to {max(len(items) - 1, 0)}"
        yield FieldError(f"{pointer}/most", detail, "bad_missing_rule")
    yield from check_ids(f"{pointer}/never", rule.never, items - definition.optional)


def check_exemptions(definition: Definition) -> Iterator[FieldError]:
    """Exemptions: by an item that is not scored itself and can be answered so."""
    grids = definition.grids
    for place, one in enumerate(definition.exemptions):
        pointer = f"/exemptions/{place}"
        yield from check_ids(f"{pointer}/exempts", one.exempts, definition.scored)
        if definition.scored <= frozenset(one.exempts):
            yield FieldError(f"{pointer}/exempts", "leave nothing to score", "nothing_scored")
        if one.item not in grids:
            yield unknown(f"{pointer}/item", one.item)
        elif one.item in definition.scored:
            yield FieldError(f"{pointer}/item", "must not be scored", "scored_item")
        elif not is_plain(one.value) or one.value * 10 not in grids[one.item]:
            yield FieldError(f"{pointer}/value", "is no answer of the item", "no_such_answer")


def check_risk(definition: Definition) -> Iterator[FieldError]:
    """Risk items: there, each once, and with one point or more as the worse answer."""
    yield from check_ids(
        "/risk", [risk.item for risk in definition.risk], frozenset(definition.grids)
    )
    for place, risk in enumerate(definition.risk):
        if risk.item in definition.turned:
            detail = "must not be reversed: one point or more is what alerts"
            yield FieldError(f"/risk/{place}", detail, "reversed_risk")
        elif risk.item in definition.grids and definition.grids[risk.item][-1] < 10:
            yield FieldError(f"/risk/{place}", "can never reach one point", "no_such_answer")
    if definition.risk and definition.risk_on_paper:
        detail = "its risk items come with the answers"
        yield FieldError("/risk_on_paper", detail, "risk_both_ways")


def check_ids(pointer: str, ids: Sequence[str], known: frozenset[str]) -> Iterator[FieldError]:
    """A list of item ids: each known and named once."""
    for place, one in enumerate(ids):
        if one not in known:
            yield unknown(f"{pointer}/{place}", one)
        elif one in ids[:place]:
            yield FieldError(f"{pointer}/{place}", f"{one} is there twice", "twice")


def unknown(pointer: str, item: str) -> FieldError:
    """An item that is not there, or that must not be meant here."""
    return FieldError(pointer, f"{item} is no item that can be meant here", "unknown_item")
