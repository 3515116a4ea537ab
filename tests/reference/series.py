"""Ratings in clinical order, each with what its series says about it so far."""

import pandas as pd

from tests.reference.exact import exact_scores


def in_series(ratings: pd.DataFrame, direction: int) -> pd.DataFrame:
    """The scored ratings by client and time, with ordinal, baseline and changes.

    Adds `k` (from 1) and, in millionths: `x` (the score), `first` (the baseline x1), `previous`
    (missing at the first), `best` (the best of the *earlier* ratings, missing at the first) and
    `change` (Δ = δ(xk - x1), so that an improvement is positive). Ratings without a value are no
    ratings; ratings of the same time keep their order. Clients come in their order of appearance.
    """
    scored = ratings.dropna(subset=["value"])
    appearance = pd.Series(pd.factorize(scored["client"])[0], index=scored.index)
    series = (
        scored.assign(appearance=appearance)
        .sort_values(["appearance", "time"], kind="stable")
        .drop(columns="appearance")
        .reset_index(drop=True)
    )
    series["x"] = exact_scores(series["value"].to_numpy(dtype=float))
    by_client = series.groupby("client", sort=False)["x"]
    series["k"] = by_client.cumcount() + 1
    series["first"] = by_client.transform("first")
    series["previous"] = by_client.shift().astype("Int64")
    goodness = (series["x"] * direction).groupby(series["client"], sort=False)
    best = goodness.cummax().groupby(series["client"], sort=False).shift()
    series["best"] = best.astype("Int64") * direction
    series["change"] = direction * (series["x"] - series["first"])
    return series
