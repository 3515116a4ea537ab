"""What scores are compared with: scales, cutoffs and reliable change, exactly as published.

Thresholds are exact decimals in points (8.46 stays 8.46). Scores are integer tenths; the smallest
whole tenth that reaches a threshold is worked out once, and comparing with that is exactly
comparing the decimals: nothing is rounded first.
"""

import operator
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import cached_property
from typing import Literal

import msgspec

COMPARISONS: dict[str, Callable[[Decimal, Decimal], bool]] = {
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


class Cutoff(Document, frozen=True, kw_only=True):
    """A score is on the clinical side if it stands in relation `clinical` to `value` (points).

    `confirmed` is false where the value is commonly quoted but was not found at its source.
    """

    value: Decimal
    clinical: str
    confirmed: bool = True

    @cached_property
    def edge(self) -> int:
        """The mildest whole number of tenths that is on the clinical side."""
        return nearest_reaching(self.value * 10, self.clinical)

    @cached_property
    def clinical_is_high(self) -> bool:
        """Whether high scores are the clinical ones."""
        return self.clinical in (">", ">=")

    def is_clinical(self, score: int) -> bool:
        """Whether `score` (tenths) is on the clinical side."""
        return score >= self.edge if self.clinical_is_high else score <= self.edge


class ReliableChange(Document, frozen=True, kw_only=True):
    """The change (points) that measurement error does not explain; `reached` is `>=` or `>`.

    `basis` says whether it is 1.96 standard errors of a difference (Jacobson and Truax) or a
    value published as it is; only the first has an index. `confirmed` as of a cutoff.
    """

    value: Decimal
    reached: str
    basis: Literal["jacobson-truax", "published"]
    confirmed: bool = True

    @cached_property
    def text(self) -> str:
        """The threshold as it is written: "8.46"."""
        return str(self.value)

    @cached_property
    def tenths(self) -> int:
        """The smallest whole number of tenths that reaches the exact threshold."""
        return nearest_reaching(self.value * 10, self.reached)


def nearest_reaching(exact: Decimal, comparison: str) -> int:
    """The whole number nearest to `exact` that stands in relation `comparison` to it."""
    upward = comparison in (">", ">=")
    whole = int(exact.to_integral_value(ROUND_CEILING if upward else ROUND_FLOOR))
    if COMPARISONS[comparison](Decimal(whole), exact):
        return whole
    return whole + 1 if upward else whole - 1
