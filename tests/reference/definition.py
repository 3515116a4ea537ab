"""What a measure says about itself, as plain numbers in the units of its scale (not tenths)."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tests.reference.exact import exact

Number = str | int | Decimal


@dataclass(frozen=True)
class Definition:
    """The numbers of one measure for one age group.

    `direction` is δ: +1 where more is better, -1 where less is. `clinical_at_cutoff` says whether
    a score on the cutoff itself is on the clinical side. `strict` says whether a change of exactly
    `reliable_change` is not yet reliable (Jacobson and Truax: > 1.96; a plain value: ≥).
    """

    direction: Literal[1, -1]
    minimum: Number
    maximum: Number
    reliable_change: Number | None = None
    cutoff: Number | None = None
    clinical_at_cutoff: bool = False
    strict: bool = False
    gain_cut: Number | None = None
    """The step of criterion 1 of a sudden gain; the reliable change where it is None."""
    sawtooth_step: Number | None = None
    """The least step that counts towards `volatile`; 6 for the ORS."""
    target: Number | None = None

    @property
    def rc(self) -> int | None:
        """The reliable change in millionths."""
        return None if self.reliable_change is None else exact(self.reliable_change)

    @property
    def step_of_gain(self) -> int | None:
        """The step of criterion 1 in millionths."""
        return self.rc if self.gain_cut is None else exact(self.gain_cut)

    def room(self, baseline: NDArray[np.int64]) -> NDArray[np.int64]:
        """How far the scale lets each baseline improve, in millionths."""
        best = exact(self.maximum if self.direction == 1 else self.minimum)
        return self.direction * (best - baseline)

    def clinical(self, scores: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        """Which scores (millionths) are on the clinical side; None where there is no cutoff."""
        if self.cutoff is None:
            return None
        beyond = self.direction * (exact(self.cutoff) - scores)
        return beyond >= 0 if self.clinical_at_cutoff else beyond > 0

    def at_target(self, scores: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which scores (millionths) are at the target or better; none where there is no target."""
        if self.target is None:
            return np.zeros(len(scores), dtype=bool)
        return self.direction * (scores - exact(self.target)) >= 0
