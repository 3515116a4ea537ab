"""The rules on ratings, rating by rating: each holds, does not hold, or was not evaluated.

Every rule takes the ratings of `in_series` and the definition, and gives a nullable boolean per
rating: missing where it was not evaluated. A rating is judged by itself and the ones before it.
"""

from collections.abc import Callable, Collection

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tests.reference.curve import Curve
from tests.reference.definition import Definition
from tests.reference.exact import ONE
from tests.reference.gains import beyond_half, steps
from tests.reference.series import in_series

NO_EARLY_CHANGE_AT = (3, 6)
STALLED_FROM, STALLED_WINDOW = 10, 5
OFF_TRACK_FROM, OFF_TRACK_MEDIUM, OFF_TRACK_HIGH = 3, 25, 10
SAWTOOTH_STEPS, SAWTOOTH_RATINGS = 4, 5

Judge = Callable[[pd.DataFrame, Definition], pd.Series]


def evaluate(
    ratings: pd.DataFrame,
    definition: Definition,
    curve: Curve | None = None,
    late_baselines: Collection[object] = (),
) -> pd.DataFrame:
    """Every rule on every rating: `in_series` with one nullable boolean column a rule.

    Also `off_track_severity`. The clients in `late_baselines` are not held against the curve.
    """
    series = in_series(ratings, definition.direction)
    for rule, judge in RULES.items():
        series[rule] = judge(series, definition)
    worse = _worse_than_curve(series, definition, curve, late_baselines)
    series["off_track"] = worse[OFF_TRACK_MEDIUM]
    series["off_track_severity"] = pd.Series(pd.NA, index=series.index, dtype="string")
    series.loc[worse[OFF_TRACK_MEDIUM].fillna(False), "off_track_severity"] = "medium"
    series.loc[worse[OFF_TRACK_HIGH].fillna(False), "off_track_severity"] = "high"
    return series


def reliable_deterioration(series: pd.DataFrame, definition: Definition) -> pd.Series:
    """Δ ≤ -RC from the second rating on."""
    if definition.rc is None:
        return _never(series)
    return _only(series["change"] <= -definition.rc, series["k"] >= 2)


def session_drop(series: pd.DataFrame, definition: Definition) -> pd.Series:
    """δ(xk - x_{k-1}) ≤ -RC."""
    if definition.rc is None:
        return _never(series)
    step = definition.direction * (series["x"] - series["previous"])
    return _only(step <= -definition.rc, series["k"] >= 2)


def no_early_change(series: pd.DataFrame, definition: Definition) -> pd.Series:
    """Δ < RC at the third and again at the sixth rating of those who came for a change."""
    wanted = _change_wanted(series, definition)
    if wanted is None or definition.rc is None:
        return _never(series)
    holds = (series["change"] < definition.rc) & wanted
    return _only(holds, series["k"].isin(NO_EARLY_CHANGE_AT))


def stalled(series: pd.DataFrame, definition: Definition) -> pd.Series:
    """From the tenth rating on Δ < RC, and no gain above RC within the last five ratings."""
    wanted = _change_wanted(series, definition)
    if wanted is None or definition.rc is None:
        return _never(series)
    recent = _by_prefix(series, lambda x: _largest_gain(x[-STALLED_WINDOW:], definition.direction))
    holds = (series["change"] < definition.rc) & (recent <= definition.rc) & wanted
    return _only(holds, series["k"] >= STALLED_FROM)


def lost_gain(series: pd.DataFrame, definition: Definition) -> pd.Series:
    """Fell by RC or more from the best score so far, or reversed a sudden gain."""
    cut = definition.step_of_gain
    if definition.rc is None or cut is None:
        return _never(series)
    fallen = definition.direction * (series["best"] - series["x"]) >= definition.rc
    reverses = _by_prefix(series, lambda x: _reverses_gain(x / ONE, cut, definition.direction))
    return _only(fallen | reverses.astype("boolean"), series["k"] >= 2)


def volatile(series: pd.DataFrame, definition: Definition) -> pd.Series:
    """A sawtooth: four or more large steps that change direction, in five or more ratings."""
    if definition.sawtooth_step is None:
        return _never(series)
    least = float(definition.sawtooth_step) * ONE
    teeth = _by_prefix(series, lambda x: _teeth(x, least))
    return _only(teeth >= SAWTOOTH_STEPS, series["k"] >= SAWTOOTH_RATINGS)


def target_reached(series: pd.DataFrame, definition: Definition) -> pd.Series:
    """Twice running at the target or better, or on the functional side with Δ ≥ RC."""
    clinical = definition.clinical(series["x"].to_numpy())
    there = pd.Series(definition.at_target(series["x"].to_numpy()), index=series.index)
    if clinical is not None and definition.rc is not None:
        there |= ~clinical & (series["change"] >= definition.rc)
    elif definition.target is None:
        return _never(series)
    return _only(there & _previous(there, series), series["k"] >= 2)


def intake_above_cutoff(series: pd.DataFrame, definition: Definition) -> pd.Series:
    """The baseline is on the functional side; judged once, at the baseline."""
    clinical = definition.clinical(series["first"].to_numpy())
    if clinical is None:
        return _never(series)
    return _only(pd.Series(~clinical, index=series.index), series["k"] == 1)


RULES: dict[str, Judge] = {
    "reliable_deterioration": reliable_deterioration,
    "session_drop": session_drop,
    "no_early_change": no_early_change,
    "stalled": stalled,
    "lost_gain": lost_gain,
    "volatile": volatile,
    "target_reached": target_reached,
    "intake_above_cutoff": intake_above_cutoff,
}
"""The rules that need no curve; `off_track` comes beside them."""


def _worse_than_curve(
    series: pd.DataFrame,
    definition: Definition,
    curve: Curve | None,
    late_baselines: Collection[object],
) -> dict[int, pd.Series]:
    """Whether each rating and the one before are both worse than each percentile of the curve."""
    if curve is None or curve.seed:
        return {percent: _never(series) for percent in (OFF_TRACK_MEDIUM, OFF_TRACK_HIGH)}
    judged = (series["k"] >= OFF_TRACK_FROM) & ~series["client"].isin(list(late_baselines))
    baseline, direction = series["first"] / ONE, definition.direction
    worse = {}
    for percent in (OFF_TRACK_MEDIUM, OFF_TRACK_HIGH):
        bound = curve.percentile(percent, series["k"], baseline, direction)
        beyond = pd.Series(direction * (series["x"] / ONE - bound) < 0, index=series.index)
        worse[percent] = _only(beyond & _previous(beyond, series), judged)
    return worse


def _change_wanted(series: pd.DataFrame, definition: Definition) -> pd.Series | None:
    """Who began on the clinical side with room for a reliable change; None without a cutoff."""
    baseline = series["first"].to_numpy()
    clinical = definition.clinical(baseline)
    if clinical is None or definition.rc is None:
        return None
    return pd.Series(clinical & (definition.room(baseline) >= definition.rc), index=series.index)


def _largest_gain(x: NDArray[np.int64], direction: int) -> int:
    """The largest improvement from any rating to any later one."""
    goodness = direction * x
    return int((goodness - np.minimum.accumulate(goodness)).max())


def _reverses_gain(scores: NDArray[np.float64], cut: int, direction: int) -> bool:
    """Whether the last score reverses a sudden gain that the scores up to it show."""
    found = (n for n, _ in steps(scores, cut, direction) if n + 2 < len(scores))
    return any(bool(beyond_half(scores, n, direction)[-1]) for n in found)


def _teeth(x: NDArray[np.int64], least: float) -> int:
    """How many large steps go against the large step before; the first one counts."""
    step = np.diff(x)
    signs = np.sign(step[np.abs(step) >= least])
    return int(len(signs[:1]) + (signs[1:] != signs[:-1]).sum())


def _by_prefix(series: pd.DataFrame, measure: Callable[[NDArray[np.int64]], int]) -> pd.Series:
    """`measure` of the scores (millionths) of each client up to and including each rating."""
    values = [
        measure(x[:end])
        for _, group in series.groupby("client", sort=False)
        for x in [group["x"].to_numpy()]
        for end in range(1, len(x) + 1)
    ]
    return pd.Series(values, index=series.index)


def _previous(flags: pd.Series, series: pd.DataFrame) -> pd.Series:
    return flags.groupby(series["client"], sort=False).shift(fill_value=False)


def _only(holds: pd.Series, evaluated: pd.Series) -> pd.Series:
    return holds.astype("boolean").where(evaluated)


def _never(series: pd.DataFrame) -> pd.Series:
    return pd.Series(pd.NA, index=series.index, dtype="boolean")
