"""Series that lie where the real ones do not: on every scale, at and around its thresholds."""

import numpy as np
import pandas as pd

from shared.measures import measure
from tests.reference import Definition
from tests.unit.reference.builders import BDI, ORS

CLIENTS, MOST_RATINGS = 250, 20

# Where less is better a score on the cutoff is clinical but for the OQ-45 (63/64).
MEASURES = {
    "ors": ORS,
    "bdi": BDI,
    "phq-9": Definition(-1, 0, 27, 6, 10, clinical_at_cutoff=True),
    "gad-7": Definition(-1, 0, 21, 4, 8, clinical_at_cutoff=True),
    "core-10": Definition(-1, 0, 40, 6, 11, clinical_at_cutoff=True),
    "core-om": Definition(-1, 0, 40, 5, 10, clinical_at_cutoff=True),
    "oq-45": Definition(-1, 0, 180, 14, 63),
    "who-5": Definition(1, 0, 100, 10, 50, clinical_at_cutoff=True),
}
"""The numbers of `measurement.md`, adults'."""


def constructed(key: str, seed: int) -> pd.DataFrame:
    """Series on the scale of a measure whose steps lie at and around its reliable change."""
    chance = np.random.default_rng(seed)
    own, grid = MEASURES[key], measure(key).total.grid
    assert own.reliable_change is not None
    least = 10 * float(own.reliable_change)
    steps = np.array([0, 1, 2, least / 2, least - 1, least, least + 1, 60, 2 * least])
    rows = []
    for client in range(CLIENTS):
        length = chance.integers(1, MOST_RATINGS, endpoint=True)
        moves = chance.choice(steps, length) * chance.choice([-1, 1], length)
        score = float(chance.choice(grid))
        for time, move in enumerate(moves):
            place = round((score - grid.start) / grid.step)
            rows.append((client, time, grid[min(max(place, 0), len(grid) - 1)] / 10))
            score = 10 * rows[-1][2] + move
    return pd.DataFrame(rows, columns=["client", "time", "value"])
