"""A worker of a real service that kills itself as `kill -9` would, at a chosen point of an erasure.

python -m tests.faults.dying PLACE services.intake worker
"""

import os
import runpy
import signal
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

from services.intake.erasure.confirming import Confirmations
from services.intake.erasure.executing import Executor
from shared import publishing, relay
from shared.access.handler import AccessPlan
from shared.consuming import batch
from shared.privacy import Keyring
from shared.purging import FORGET_PARKED, PurgePlan

ERASED, PURGED = b"heroic.intake.ClientErased", b"ClientPurged"


class Place(NamedTuple):
    """The process dies as the coroutine function `name` of `owner` begins, called with what `when`
    waits for."""

    owner: Any
    name: str
    when: Callable[..., bool]


def always(*_: object) -> bool:
    """The first time."""
    return True


def burying(plan: AccessPlan, *_: object) -> bool:
    """Intake forgets a client: the events are appended, nothing is committed."""
    return FORGET_PARKED[0] in {statement for statement, _ in plan.statements}


def purging(plan: PurgePlan, *_: object) -> bool:
    """A service forgets a client."""
    return bool(plan.statements)


def confirming(plan: Confirmations, *_: object) -> bool:
    """Intake hears that a service has forgotten a client."""
    return bool(plan.rows)


def told(word: bytes) -> Callable[..., bool]:
    """The relay has events of this type in its hands."""
    return lambda _, records: any(word in record.value for record in records)


def purged(_: object, group: str, __: object, applied: object) -> bool:
    """The rows are gone, and the transaction is about to end."""
    return group.endswith(".purge") and bool(applied)


class After:
    """The relay has sent events of a type, and its checkpoint has not moved."""

    def __init__(self, word: bytes) -> None:
        self._is_sent = told(word)
        self.sent = False

    def watch(self) -> None:
        """Notice when it sends them."""
        original = publishing.Publisher.send

        async def send(publisher: publishing.Publisher, records: Any) -> Any:
            self.sent = self.sent or self._is_sent(publisher, records)
            return await original(publisher, records)

        setattr(publishing.Publisher, "send", send)  # noqa: B010 - as `arm` does

    def __call__(self, *_: object) -> bool:
        """Whether it has."""
        return self.sent


SENT = After(ERASED)

PLACES = {
    "begun, key not destroyed": Place(Keyring, "destroy", always),
    "key destroyed, nobody told": Place(Executor, "_tell", always),
    "events appended, not committed": Place(AccessPlan, "apply", burying),
    "erasure committed, not published": Place(publishing.Publisher, "send", told(ERASED)),
    "erasure published, checkpoint not moved": Place(relay.Leadership, "_move_checkpoint", SENT),
    "confirmation appended, rows not gone": Place(PurgePlan, "apply", purging),
    "rows gone, not committed": Place(batch, "finish", purged),
    "forgotten, keys still in memory": Place(PurgePlan, "committed", purging),
    "confirmation committed, not published": Place(publishing.Publisher, "send", told(PURGED)),
    "confirmation heard, not written": Place(Confirmations, "apply", confirming),
}


def arm(place: Place) -> None:
    """Let the process die there."""
    if isinstance(place.when, After):
        place.when.watch()
    original = getattr(place.owner, place.name)

    @wraps(original)
    async def dying(*args: Any, **kwargs: Any) -> Any:
        if place.when(*args):
            os.kill(os.getpid(), signal.SIGKILL)
        return await original(*args, **kwargs)

    setattr(place.owner, place.name, dying)


if __name__ == "__main__":
    _, where, module, *arguments = sys.argv
    arm(PLACES[where])
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
