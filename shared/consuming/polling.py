"""When a consumer last asked for records.

Heartbeats go on beside a poll loop that hangs, and the group notices only after minutes: that
records are still being taken is seen from the age of the last poll alone.
"""

import time
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Polls:
    """Remembers when what it counts was last called."""

    def __init__(self) -> None:
        self._last: float | None = None

    @property
    def age(self) -> float | None:
        """Seconds since the last poll began; None before the first."""
        return None if self._last is None else time.monotonic() - self._last

    def counted(
        self, poll: Callable[P, Coroutine[Any, Any, T]]
    ) -> Callable[P, Coroutine[Any, Any, T]]:
        """`poll`, each call of it remembered."""

        def counted(*args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
            self._last = time.monotonic()
            return poll(*args, **kwargs)

        return counted
