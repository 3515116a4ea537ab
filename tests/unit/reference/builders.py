"""Definitions and series that the tests of the second implementation share."""

from pathlib import Path

import pandas as pd

from tests.reference import Definition
from tests.support.paths import REPOSITORY

ENRICHD = REPOSITORY.parent / "shared" / "data" / "enrichd-bdi" / "ratings.csv"

BDI = Definition(
    direction=-1, minimum=0, maximum=63, reliable_change="8.46", cutoff="14.29", gain_cut=7
)
ORS = Definition(direction=1, minimum=0, maximum=40, reliable_change=5, cutoff=25, sawtooth_step=6)


def ratings(*values: float | None, client: str = "a") -> pd.DataFrame:
    """One client's ratings at the times 0, 1, 2 …"""
    return pd.DataFrame({"client": client, "time": range(len(values)), "value": values})


def real_ratings(path: Path = ENRICHD) -> pd.DataFrame:
    """The BDI totals of the 400 real series."""
    table = pd.read_csv(path).rename(columns={"day": "time", "bdi": "value"})
    return table[["client", "time", "value"]]
