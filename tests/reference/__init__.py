"""A second implementation of every number, straight from the formulas.

Written from the specification alone by somebody who had not read `shared.measures`, with numpy,
pandas and scipy, so that the two can be held against each other. Nothing here imports the product,
and nothing of the product may import this.

Ratings go in as a DataFrame of `client`, `time`, `value`, in the order in which they were recorded.
"""

from tests.reference.alerts import alerts
from tests.reference.baseline import late_baseline
from tests.reference.change import CLASSES, classify
from tests.reference.curve import Curve
from tests.reference.definition import Definition
from tests.reference.gains import gains, losses
from tests.reference.rules import RULES, evaluate
from tests.reference.series import in_series

__all__ = [
    "CLASSES",
    "RULES",
    "Curve",
    "Definition",
    "alerts",
    "classify",
    "evaluate",
    "gains",
    "in_series",
    "late_baseline",
    "losses",
]
