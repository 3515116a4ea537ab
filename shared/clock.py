"""The clock is a port: what needs the time is handed one of these."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]

AHEAD = timedelta(minutes=5)
"""A time further ahead of the clock than this is "in the future"."""


def utc_now() -> datetime:
    """The system's clock, in UTC."""
    return datetime.now(UTC)


def milliseconds(moment: datetime) -> int:
    """`moment` in milliseconds since 1970, as ids count."""
    return int(moment.timestamp() * 1000)
