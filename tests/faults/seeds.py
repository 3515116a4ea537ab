"""Which seeds decide where and when the kill tests strike."""

import os

VARIABLE = "HEROIC_FAULT_SEEDS"


def seeds(count: int) -> list[int]:
    """The first `count`, or those of the environment: `HEROIC_FAULT_SEEDS=7` or `=3,8,21`."""
    named = os.environ.get(VARIABLE)
    return [int(one) for one in named.split(",")] if named else list(range(count))
