"""A measure as data: what its form asks, how it is scored, and which change counts."""

# ruff: noqa: RUF012 - msgspec gives every Struct its own copy of an empty default.

from bisect import bisect_right
from decimal import Decimal
from functools import cached_property
from typing import Literal, NamedTuple

import msgspec

from shared.contracts.feedback import RaterKind
from shared.contracts.intake import AgeGroup
from shared.measures.norms import NormSet
from shared.measures.thresholds import Cutoff, Document, ReliableChange, Scale
from shared.measures.wording import Wording

__all__ = ["Cutoff", "Definition", "Document", "Item", "ReliableChange", "Scale", "Subscale"]


class Item(Scale, frozen=True, kw_only=True):
    """One question. `axis` is a neutral name of ours; its words are in the wording, if it ships.

    A `reversed` item counts as low + high - answer. An `optional` one that is absent was not
    asked, so it is not missing. One that is not `scored` is kept and never counted.
    """

    id: str
    axis: str
    reversed: bool = False
    optional: bool = False
    scored: bool = True


class Formula(Document, frozen=True, kw_only=True):
    """How answers make a score: their sum or their mean, times a whole number."""

    of: Literal["sum", "mean"] = "sum"
    times: int = 1


class Missing(Document, frozen=True, kw_only=True):
    """How many scored items may be missing (the score is then prorated), and which never."""

    most: int
    never: list[str] = []


class Subscale(Document, frozen=True, kw_only=True):
    """A score of some of the items, by the formula of the total, with a rule of its own."""

    key: str
    title: str
    items: list[str]
    scale: Scale
    missing: Missing


class Exemption(Document, frozen=True, kw_only=True):
    """Where `item` is answered with `value` (points), the items in `exempts` do not apply.

    They are neither counted nor missing, and the score is not rescaled for them. The id of `item`
    is then a flag of the rating, for its total stands on fewer items.
    """

    item: str
    value: Decimal
    exempts: list[str]


class Band(Document, frozen=True, kw_only=True):
    """A named range of scores in points, both ends in it."""

    start: Decimal = msgspec.field(name="from")
    end: Decimal = msgspec.field(name="to")
    name: str


class RiskItem(Document, frozen=True, kw_only=True):
    """An item whose answer of one point or more must reach a human, confirmed or not."""

    item: str
    target: Literal["self", "others"]
    confirmed: bool = True


class Licence(Document, frozen=True, kw_only=True):
    """Whose the form is, and what of it ships with this software."""

    holder: str
    ships: Literal["wording", "scoring"]
    note: str


class Part(NamedTuple):
    """What makes one score: the items that count, those that must be there, rule and scale."""

    items: frozenset[str]
    required: frozenset[str]
    missing: Missing
    grid: range


class Definition(Document, frozen=True, kw_only=True):
    """One version of a measure. `better` says in which direction scores get better.

    A measure without items takes totals only; `risk_on_paper` says that its form has a risk item
    that never comes with such a total. `wording` is by language tag. `decision` says what was
    chosen where sources disagree. What is not confirmed is published and decides nothing:
    `cutoffs`, `reliable_change` and `cutoff()` give only what is.
    """

    key: str
    version: int
    title: str
    kind: Literal["outcome", "alliance"]
    better: Literal["higher", "lower"]
    items: list[Item]
    formula: Formula = Formula()
    total: Scale
    missing: Missing
    subscales: list[Subscale] = []
    exemptions: list[Exemption] = []
    published_cutoffs: dict[AgeGroup, Cutoff] = msgspec.field(name="cutoffs", default_factory=dict)
    published_change: ReliableChange | None = msgspec.field(name="reliable_change", default=None)
    norms: list[NormSet] = []
    bands: list[Band] = []
    risk: list[RiskItem] = []
    risk_on_paper: bool = False
    licence: Licence
    codes: dict[str, str] = {}
    source: str
    decision: str = ""
    wording: dict[str, Wording] = {}

    @cached_property
    def sign(self) -> int:
        """+1 where a higher score is better, else -1."""
        return 1 if self.better == "higher" else -1

    @cached_property
    def grids(self) -> dict[str, range]:
        """The allowed answers of each item in tenths, by its id."""
        return {item.id: item.grid for item in self.items}

    @cached_property
    def scored(self) -> frozenset[str]:
        """The ids of the items that make the total."""
        return frozenset(item.id for item in self.items if item.scored)

    @cached_property
    def optional(self) -> frozenset[str]:
        """The ids of the items that need not have been asked."""
        return frozenset(item.id for item in self.items if item.optional)

    @cached_property
    def turned(self) -> dict[str, int]:
        """Low + high of the reversed items in tenths: what an answer is taken from."""
        return {item.id: item.grid[0] + item.grid[-1] for item in self.items if item.reversed}

    @cached_property
    def whole(self) -> Part:
        """What makes the total."""
        return Part(self.scored, self.scored - self.optional, self.missing, self.total.grid)

    @cached_property
    def parts(self) -> dict[str, Part]:
        """What makes each subscale, by its key."""
        return {
            one.key: Part(
                frozenset(one.items),
                frozenset(one.items) - self.optional,
                one.missing,
                one.scale.grid,
            )
            for one in self.subscales
        }

    @cached_property
    def cutoffs(self) -> dict[AgeGroup, Cutoff]:
        """The confirmed cutoffs of clients' own ratings, where no norms decide."""
        return {age: one for age, one in self.published_cutoffs.items() if one.confirmed}

    @cached_property
    def reliable_change(self) -> ReliableChange | None:
        """The confirmed reliable change, where no norms decide."""
        change = self.published_change
        return change if change is not None and change.confirmed else None

    def cutoff(
        self, age_group: AgeGroup, sex: str | None = None, rater: RaterKind = "self"
    ) -> Cutoff | None:
        """The cutoff for such a person and rater: of the norms, else of clients' own ratings.

        What is known of clients' own ratings is never applied to those of somebody else.
        """
        for norm in self.norms_of(age_group, sex, rater):
            if norm.cutoff is not None and norm.cutoff.confirmed:
                return norm.cutoff
        return self.cutoffs.get(age_group) if rater == "self" else None

    def change_of(
        self, age_group: AgeGroup, sex: str | None = None, rater: RaterKind = "self"
    ) -> ReliableChange | None:
        """The reliable change for such a person and rater: of the norms, else the measure's."""
        for norm in self.norms_of(age_group, sex, rater):
            if norm.reliable_change is not None and norm.reliable_change.confirmed:
                return norm.reliable_change
        return self.reliable_change

    def norms_of(self, age_group: AgeGroup, sex: str | None, rater: RaterKind) -> list[NormSet]:
        """The confirmed norms of such a person and rater, those of the sex alone first."""
        found = [one for one in self.norms if one.confirmed and one.is_for(age_group, sex, rater)]
        return sorted(found, key=lambda one: one.sex is None)

    def band(self, score: int) -> Band | None:
        """The band of a score (tenths); None where the measure has no bands."""
        place = bisect_right(self._starts, score)
        return self.bands[place - 1] if place else None

    @cached_property
    def _starts(self) -> list[int]:
        return [int(band.start * 10) for band in self.bands]
