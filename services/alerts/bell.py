"""The bell that wakes the streams of alerts; nothing depends on its being heard."""

from shared import bell

CHANNEL = "heroic.alerts.wake"


class Bell(bell.Bell):
    """Rings where alerts have changed."""

    def __init__(self, redis_url: str) -> None:
        super().__init__(redis_url, CHANNEL)


class Ear(bell.Ear):
    """Hears where alerts have changed."""

    def __init__(self, redis_url: str) -> None:
        super().__init__(redis_url, CHANNEL)
