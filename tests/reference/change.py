"""Reliable change, cutoffs and classification, straight from the published formulas."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from tests.reference.definition import Definition

CLASSES = ("recovered", "improved", "unchanged", "deteriorated", "harmed")
CRITICAL = 1.96

Scores = NDArray[np.float64]


def standard_error(sd: float, reliability: float) -> float:
    """SE = s1·√(1 - r) (Jacobson and Truax 1991)."""
    return float(sd * np.sqrt(1 - reliability))


def standard_error_of_difference(sd: float, reliability: float) -> float:
    """S_diff = √2·SE (Jacobson and Truax 1991)."""
    return float(np.sqrt(2) * standard_error(sd, reliability))


def reliable_change_value(sd: float, reliability: float) -> float:
    """The least change that is reliable: 1.96·S_diff."""
    return CRITICAL * standard_error_of_difference(sd, reliability)


def cutoff_a(mean: float, sd: float, direction: int) -> float:
    """Two standard deviations from the clinical mean, towards health: M1 + 2δ·s1."""
    return mean + 2 * direction * sd


def cutoff_b(functional_mean: float, functional_sd: float, direction: int) -> float:
    """Two standard deviations from the functional mean, towards illness: M0 - 2δ·s0."""
    return functional_mean - 2 * direction * functional_sd


def cutoff_c(mean: float, sd: float, functional_mean: float, functional_sd: float) -> float:
    """Where both distributions are equally near: (s0·M1 + s1·M0)/(s0 + s1)."""
    return (functional_sd * mean + sd * functional_mean) / (functional_sd + sd)


def jacobson_truax(pre: Scores, post: Scores, sd: float, reliability: float) -> Scores:
    """RCI = (xk - x1)/S_diff."""
    return (post - pre) / standard_error_of_difference(sd, reliability)


def edwards_nunnally(
    pre: Scores, post: Scores, mean: float, sd: float, reliability: float
) -> Scores:
    """(xk - [r(x1 - M1) + M1])/SE."""
    return (post - (reliability * (pre - mean) + mean)) / standard_error(sd, reliability)


def gulliksen_lord_novick(
    pre: Scores, post: Scores, mean: float, sd: float, reliability: float
) -> Scores:
    """((xk - M1) - r(x1 - M1))/(s1·√(1 - r²))."""
    return hsu_linn_lord(pre, post, mean, mean, sd, reliability)


def hsu_linn_lord(
    pre: Scores, post: Scores, mean: float, post_mean: float, sd: float, reliability: float
) -> Scores:
    """((xk - M_post) - r(x1 - M1))/(s1·√(1 - r²))."""
    error = float(sd * np.sqrt(1 - reliability**2))
    return ((post - post_mean) - reliability * (pre - mean)) / error


def nunnally_kotsch(
    pre: Scores, post: Scores, mean: float, sd: float, reliability: float, post_reliability: float
) -> Scores:
    """(xk - [r(x1 - M1) + M1])/√(r²·s1²(1 - r) + s1²(1 - r_post))."""
    variance = reliability**2 * sd**2 * (1 - reliability) + sd**2 * (1 - post_reliability)
    return (post - (reliability * (pre - mean) + mean)) / float(np.sqrt(variance))


def percentage_changed(
    pre: Scores, post: Scores, percent: float, direction: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Who is better, and who is worse, by `percent` of the first score or more."""
    change = 100 * direction * (post - pre)
    least = percent * np.abs(pre)
    better: NDArray[np.bool_] = (change >= least) & (change > 0)
    worse: NDArray[np.bool_] = (-change >= least) & (change < 0)
    return better, worse


def classify_by(
    better: NDArray[np.bool_],
    worse: NDArray[np.bool_],
    was_clinical: NDArray[np.bool_] | None,
    is_clinical: NDArray[np.bool_] | None,
    *,
    harm: bool = False,
) -> NDArray[np.object_]:
    """The class of each pair of scores, given what was reliable and which side each was on.

    Without sides (no cutoff) nobody recovers and nobody is harmed.
    """
    classes = np.full(len(better), "unchanged", dtype=object)
    classes[better] = "improved"
    classes[worse] = "deteriorated"
    if was_clinical is not None and is_clinical is not None:
        classes[better & was_clinical & ~is_clinical] = "recovered"
        if harm:
            classes[worse & ~was_clinical & is_clinical] = "harmed"
    return classes


def reliably_changed(
    change: ArrayLike, definition: Definition
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which changes Δ (millionths, improvement positive) are reliably better, and worse."""
    if definition.rc is None:
        raise ValueError("a measure without a reliable change has no reliable changes")
    delta = np.asarray(change, dtype=np.int64)
    # Millionths are whole, so "above RC" is "at least the next millionth".
    least = definition.rc + definition.strict
    return delta >= least, -delta >= least


def classify(series: pd.DataFrame, definition: Definition, *, harm: bool = False) -> pd.Series:
    """The class of every rating of `in_series` against its baseline; missing at the baseline.

    Missing everywhere for a measure without a reliable change.
    """
    if definition.rc is None:
        return pd.Series(pd.NA, index=series.index, dtype="string")
    better, worse = reliably_changed(series["change"], definition)
    classes = classify_by(
        better,
        worse,
        definition.clinical(series["first"].to_numpy()),
        definition.clinical(series["x"].to_numpy()),
        harm=harm,
    )
    return pd.Series(classes, index=series.index, dtype="string").where(series["k"] > 1)
