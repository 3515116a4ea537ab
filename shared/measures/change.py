"""What a change of score means (Jacobson and Truax 1991). Scores are integer tenths."""

from shared.contracts.outcomes import Change
from shared.measures.definition import Cutoff, Definition

CRITICAL = 1.96
"""The two-sided 5 % point of the normal distribution, by which J&T define reliable change."""


def gain(definition: Definition, before: int, after: int) -> int:
    """The change in tenths, counted so that better is positive."""
    return definition.sign * (after - before)


def reliably_better(definition: Definition, before: int, after: int) -> bool:
    """Whether the score got better by the reliable change; False where none is known."""
    threshold = definition.reliable_change
    return threshold is not None and gain(definition, before, after) >= threshold.tenths


def reliably_worse(definition: Definition, before: int, after: int) -> bool:
    """Whether the score got worse by the reliable change; False where none is known."""
    return reliably_better(definition, after, before)


def class_of(*, better: bool, worse: bool, crossed: bool) -> Change:
    """The class of a change that is reliably `better` or `worse` or neither.

    `crossed`: it led from the clinical to the functional side.
    """
    if worse:
        return "deteriorated"
    if not better:
        return "unchanged"
    return "recovered" if crossed else "improved"


def has_crossed(cutoff: Cutoff | None, baseline: int, latest: int) -> bool:
    """Whether the score left the clinical side."""
    return cutoff is not None and cutoff.is_clinical(baseline) and not cutoff.is_clinical(latest)
