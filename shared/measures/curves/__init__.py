"""The seed curves that ship: what is expected until an organisation has episodes of its own.

One file a measure and age group. They are proposals: flagged as seeds wherever they show, and no
rule ever alerts on them.
"""

from functools import cache
from importlib.resources import files

import msgspec

from shared.contracts.intake import AgeGroup
from shared.measures.expected import Curve


@cache
def seed_curves() -> dict[tuple[str, AgeGroup], Curve]:
    """Every seed curve that ships, by measure and age group; of several versions the newest."""
    folder = files("shared.measures") / "curves"
    found = [
        msgspec.json.decode(file.read_bytes(), type=Curve)
        for file in folder.iterdir()
        if file.name.endswith(".json")
    ]
    ordered = sorted(found, key=lambda curve: curve.version)
    return {(curve.measure, curve.age_group): curve for curve in ordered}


def seed_curve(measure: str, age_group: AgeGroup) -> Curve | None:
    """The seed curve of a measure in an age group; None where none ships."""
    return seed_curves().get((measure, age_group))
