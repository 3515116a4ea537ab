"""A measure as data: what its form asks, how it is scored, and which change counts.

Thresholds are exact decimals in points (8.46 stays 8.46). Scores are integer tenths; they are
compared with ten times the exact threshold, never rounded first.
"""

import operator
from collections.abc import Callable
from decimal import Decimal
from functools import cached_property
from typing import Literal

import msgspec

from shared.contracts.intake import AgeGroup

Comparison = Literal["<", "<=", ">=", ">"]

COMPARISONS: dict[Comparison, Callable[[int, Decimal], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">=": operator.ge,
    ">": operator.gt,
}


class Document(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    dict=True,
):
    """Base of every part of a definition; `dict` makes room for computed properties."""


class Scale(Document, frozen=True, kw_only=True):
    """Which numbers an item or a total may take, in points."""

    low: Decimal
    high: Decimal
    step: Decimal

    @cached_property
    def grid(self) -> range:
        """The allowed numbers in tenths, lowest first."""
        low, high, step = (int(value * 10) for value in (self.low, self.high, self.step))
        return range(low, high + 1, step)


class Item(Scale, frozen=True, kw_only=True):
    """One question. `axis` is its wording where it is free, else a neutral name."""

    id: str
    axis: str
    anchors: list[str] = []
    scored: bool = True


class Missing(Document, frozen=True, kw_only=True):
    """How many scored items may be missing (the score is then prorated), and which never."""

    most: int
    never: list[str] = []


class Cutoff(Document, frozen=True, kw_only=True):
    """A score is on the clinical side if it stands in relation `clinical` to `value` (points)."""

    value: Decimal
    clinical: Comparison

    def is_clinical(self, score: int) -> bool:
        """Whether `score` (tenths) is on the clinical side."""
        return COMPARISONS[self.clinical](score, self.value * 10)


class ReliableChange(Document, frozen=True, kw_only=True):
    """The change (points) that measurement error does not explain; `reached` is `>=` or `>`.

    `basis` says whether it is 1.96 standard errors of a difference (Jacobson and Truax) or a
    value published as it is; only the first has an index.
    """

    value: Decimal
    reached: Literal[">=", ">"]
    basis: Literal["jacobson-truax", "published"]

    @cached_property
    def text(self) -> str:
        """The threshold as it is written: "8.46"."""
        return str(self.value)

    @cached_property
    def tenths(self) -> int:
        """The smallest whole number of tenths that reaches the exact threshold."""
        exact = self.value * 10
        whole = int(exact)
        reached = COMPARISONS[self.reached](whole, exact)
        return whole if reached else whole + 1


class Band(Document, frozen=True, kw_only=True):
    """A named range of scores, from `start` (points) up to the next band."""

    start: Decimal = msgspec.field(name="from")
    name: str


class RiskItem(Document, frozen=True, kw_only=True):
    """An item whose answer of one point or more must reach a human."""

    item: str
    target: Literal["self", "others"]


class Licence(Document, frozen=True, kw_only=True):
    """Whose the form is, and what of it ships with this software."""

    holder: str
    ships: Literal["wording", "scoring"]
    note: str


class Definition(Document, frozen=True, kw_only=True):
    """One version of a measure. `better` says in which direction scores get better.

    A measure without items takes totals only; `risk_on_paper` says that its form has a risk item
    that never comes with such a total.
    """

    key: str
    version: int
    title: str
    kind: Literal["outcome", "alliance"]
    better: Literal["higher", "lower"]
    stem: str = ""
    items: list[Item]
    total: Scale
    missing: Missing
    cutoffs: dict[AgeGroup, Cutoff] = {}
    reliable_change: ReliableChange | None = None
    bands: list[Band] = []
    risk: list[RiskItem] = []
    risk_on_paper: bool = False
    licence: Licence
    codes: dict[str, str] = {}
    source: str

    @cached_property
    def sign(self) -> int:
        """+1 where a higher score is better, else -1."""
        return 1 if self.better == "higher" else -1

    @cached_property
    def by_id(self) -> dict[str, Item]:
        """The items by their id."""
        return {item.id: item for item in self.items}

    @cached_property
    def scored(self) -> frozenset[str]:
        """The ids of the items that make the total."""
        return frozenset(item.id for item in self.items if item.scored)
