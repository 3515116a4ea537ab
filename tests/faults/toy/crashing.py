"""Places at which a process kills itself as `kill -9` would: `TOY_CRASH=place:n`, the n-th time."""

import os
import signal
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

from shared import publishing, relay
from shared.consuming import batch
from tests.faults.toy import handler


class Place(NamedTuple):
    """The process dies as the coroutine function `name` of `owner` begins, called with something
    at `argument` (an empty page of the relay is not worth dying for)."""

    owner: Any
    name: str
    argument: int | None = None


def die() -> None:
    """End at once; nothing is flushed, closed or said."""
    os.kill(os.getpid(), signal.SIGKILL)


def arm(order: str) -> None:
    """Put the crash that `order` asks for in its place."""
    name, _, count = order.partition(":")
    place = PLACES[name]
    original = getattr(place.owner, place.name)
    setattr(place.owner, place.name, crash_before(original, int(count), place.argument))


def crash_before(
    original: Callable[..., Any], count: int, argument: int | None
) -> Callable[..., Any]:
    """`original`, that never begins for the `count`-th time."""
    calls = 0

    @wraps(original)
    async def crashing(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += argument is None or bool(args[argument])
        if calls == count:
            die()
        return await original(*args, **kwargs)

    return crashing


PLACES = {
    "committed, not published": Place(publishing.Publisher, "send", 1),
    # The producer has the records, and has not come to sending them.
    "handed over, not acknowledged": Place(publishing.Publisher, "_acknowledged", 1),
    "published, checkpoint not moved": Place(relay.Leadership, "_move_checkpoint"),
    "events derived, effects not written": Place(handler.Tally, "apply"),
    "effects written, checkpoint not moved": Place(batch, "finish"),
    "applied, Kafka not told": Place(batch.Batches, "after_commit"),
}
