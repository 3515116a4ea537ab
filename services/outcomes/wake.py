"""The bell of view changes: it makes open pages quick, and nothing depends on it."""

from shared import bell

CHANNEL = "heroic.outcomes.wake"


class Bell(bell.Bell):
    """Rings where views have changed."""

    def __init__(self, redis_url: str) -> None:
        super().__init__(redis_url, CHANNEL)


class Ear(bell.Ear):
    """Hears where views have changed."""

    def __init__(self, redis_url: str) -> None:
        super().__init__(redis_url, CHANNEL)
