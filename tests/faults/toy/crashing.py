"""Places at which a process kills itself as `kill -9` would: `TOY_CRASH=place:n`, the n-th time."""

import os
import signal
from collections.abc import Callable
from typing import Any

from shared import publishing, relay
from shared.consuming import batch


def die() -> None:
    """End at once; nothing is flushed, closed or said."""
    os.kill(os.getpid(), signal.SIGKILL)


def arm(order: str) -> None:
    """Put the crash that `order` asks for in its place."""
    place, _, count = order.partition(":")
    owner, name = PLACES[place]
    original = getattr(owner, name)
    setattr(owner, name, crash_before(original, int(count)))


def crash_before(original: Callable[..., Any], count: int) -> Callable[..., Any]:
    """`original`, that is never called for the `count`-th time."""
    calls = 0

    def crashing(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == count:
            die()
        return original(*args, **kwargs)

    return crashing


PLACES: dict[str, tuple[Any, str]] = {
    "committed, not published": (publishing.Publisher, "send"),
    "published, checkpoint not moved": (relay.Leadership, "_move_checkpoint"),
    "effects written, checkpoint not moved": (batch, "finish"),
    "applied, Kafka not told": (batch.Batches, "after_commit"),
}
