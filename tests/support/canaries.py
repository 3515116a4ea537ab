"""Words and numbers that occur nowhere else, in every private field of every event.

Made from the contracts: a field that is added to one is planted by itself.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect

from shared.contracts import CATALOGUE, Event
from shared.contracts.contract import Contract
from tests.contract.examples import EXAMPLES

WORD = "Zqxibex"
"""Part of every planted name and of all that people say."""
FIGURE = "Zqxgauge"
"""Part of every planted text that belongs to the figures: item keys, flags, what a rule says."""
DAY = "1903-07-19"
NUMBER = 7_654_321

CLEAR_ELSEWHERE = (".rule",)
"""Ids of rules: an alert says in the clear which one it is of, as it says its severity."""


FIGURES = (
    ".outcomes.",
    ".AlertRaised.",
    ".AlertRepeated.",
    ".AlertSourceChanged.",
    ".item",
    ".subscales",
    ".flags",
)
"""What of a path says so; a service's own database may hold these in the clear, as totals."""


class Planted(NamedTuple):
    """An event whose private fields hold canaries, and how many those are."""

    event: Event
    fields: int


class Planter:
    """Fills one private part; each text tells where it was planted."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.fields = 0

    def value(self, kind: inspect.Type, path: str) -> Any:
        """A canary that a field of this kind takes, as JSON would have it."""
        match kind:
            case inspect.StrType() if path.endswith(CLEAR_ELSEWHERE):
                return "reliable_deterioration"
            case inspect.StrType():
                word = FIGURE if any(part in path for part in FIGURES) else WORD
                return self._planted(f"{word} {self._name} {path}")
            case inspect.IntType(le=None, lt=None) | inspect.FloatType(le=None, lt=None):
                return self._planted(NUMBER)
            case inspect.IntType():
                return kind.ge or 0
            case inspect.DateType():
                return self._planted(DAY)
            case inspect.DateTimeType():
                return self._planted(f"{DAY}T03:33:33Z")
            case inspect.BoolType():
                return True
            case inspect.LiteralType():
                return kind.values[0]
            case inspect.StructType():
                return self.struct(kind, path)
            case inspect.ListType() | inspect.VarTupleType():
                return [self.value(kind.item_type, path)]
            case inspect.DictType():
                return {self.value(kind.key_type, path): self.value(kind.value_type, path)}
            case inspect.UnionType():
                some = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
                return self.value(some[0], path)
        raise TypeError(f"nothing is planted in {kind} yet")

    def struct(self, kind: inspect.StructType, path: str) -> dict[str, Any]:
        """Every field of a Struct."""
        found = {one.encode_name: self.value(one.type, f"{path}.{one.name}") for one in kind.fields}
        return found | ({kind.tag_field: kind.tag} if kind.tag_field else {})

    def _planted(self, value: Any) -> Any:
        self.fields += 1
        return value


def planted_in(contract: Contract[Event], number: int) -> Planted:
    """An example of the event with a canary in every private field."""
    planter = Planter(f"{number:03d}")
    kind = inspect.type_info(contract.private or object)
    if not isinstance(kind, inspect.StructType):
        raise TypeError(f"{contract.type} has nothing private")
    private = msgspec.convert(planter.struct(kind, contract.type), contract.private, strict=True)
    event = EXAMPLES[contract.type, contract.version]
    return Planted(msgspec.structs.replace(event, private=private), planter.fields)


def every_event() -> Iterator[Planted]:
    """Each type of event that has a private part."""
    for number, contract in enumerate(CATALOGUE.contracts.values()):
        if contract.private is not None:
            yield planted_in(contract, number)
