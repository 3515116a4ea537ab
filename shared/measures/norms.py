"""What is known of groups of people: how they score, and which thresholds follow for them."""

from decimal import Decimal
from typing import Literal

import msgspec

from shared.contracts.feedback import RaterKind
from shared.contracts.intake import AgeGroup
from shared.measures.thresholds import Cutoff, Document, ReliableChange


class Sample(Document, frozen=True, kw_only=True):
    """The scores of a group of people, in points; `size` is how many they were, if known."""

    mean: Decimal
    sd: Decimal
    size: int | None = None


class Reliability(Document, frozen=True, kw_only=True):
    """How far a measure repeats itself: within one form (`alpha`) or between two (`retest`)."""

    value: Decimal
    kind: Literal["alpha", "retest"]


class NormSet(Document, frozen=True, kw_only=True):
    """Norms of the people whom it names: age groups, a sex (None: any) and kinds of rater.

    `clinical` is the sample of people in treatment, `functional` that of the others. A cutoff or
    a reliable change given here goes before the definition's own for these people. `confirmed` is
    false where the numbers were not found at their source: such a set decides nothing.
    """

    age_groups: list[AgeGroup]
    sex: str | None = None
    raters: list[RaterKind] = msgspec.field(default_factory=lambda: ["self"])
    clinical: Sample | None = None
    functional: Sample | None = None
    reliability: Reliability | None = None
    cutoff: Cutoff | None = None
    reliable_change: ReliableChange | None = None
    source: str
    confirmed: bool = True

    def is_for(self, age_group: AgeGroup, sex: str | None, rater: RaterKind) -> bool:
        """Whether these are norms of such a person, rated by such a rater."""
        return age_group in self.age_groups and rater in self.raters and self.sex in (None, sex)
