"""Getting a batch through that a handler fails on: find the events that cannot be processed, park
them, and let the others go on."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from shared.consuming.batch import Batches, HandlerFailed
from shared.consuming.failures import Stopped, is_transient, reason_for
from shared.consuming.parts import Part
from shared.consuming.records import Incoming, Record
from shared.consuming.sorting import FAILING_LIMIT, Reason, Sorted
from shared.consuming.state import Position
from shared.errors import Permanent

MAX_TRIES = 5
"""How often an event alone is tried whose handler fails for no known reason."""

RETRY_SECONDS = 0.005


class Isolation:
    """Applies the records of one partition, in parts as small as it takes.

    `conflicts` is how often in a row they have met a stream that somebody else had written to.
    """

    def __init__(
        self, batches: Batches, position: Position, *, reread: bool, conflicts: int = 0
    ) -> None:
        self._batches = batches
        self._position = position
        self._reread = reread
        self._condemned: dict[str, Reason] = {}
        self._tries: Counter[str] = Counter()
        self._conflicts = conflicts

    async def apply(self, records: Sequence[Record]) -> bool:
        """Apply all of `records`; False where a gap has sent the checkpoint back to re-read.

        Raises transient errors as they are, and Stopped when too much fails. What was applied
        until then stays applied, and the position says how far that is.
        """
        parts = [records]
        while parts:
            result = await self._try(parts[0])
            if isinstance(result, HandlerFailed):
                parts[:1] = await self._after(result, parts[0])
                continue
            if result.gap is not None:
                return False
            if result.stop:
                raise Stopped(f"more than {FAILING_LIMIT} events in a row cannot be processed")
            del parts[0]
        return True

    async def _try(self, part: Sequence[Record]) -> Sorted | HandlerFailed:
        try:
            [result] = await self._batches.apply(
                [Part(self._position, part)], self._condemned, reread=self._reread
            )
        except HandlerFailed as failure:
            return failure
        return result

    async def _after(
        self, failure: HandlerFailed, part: Sequence[Record]
    ) -> list[Sequence[Record]]:
        """The parts to try now in place of `part`."""
        cause = failure.__cause__
        if not isinstance(cause, Exception):
            raise TypeError("a handler's failure has a cause") from failure
        if is_transient(cause, conflicts=self._conflicts):
            raise cause
        named = getattr(cause, "event_id", None)
        if any(event.envelope.id == named for event in failure.events):
            self._condemned[str(named)] = reason_for(cause, tries=1)
            return [part]
        if len(failure.events) > 1:
            middle = failure.events[len(failure.events) // 2]
            cut = next(i for i, record in enumerate(part) if record.offset == middle.offset)
            return [part[:cut], part[cut:]]
        await self._once_more(failure.events[0], cause)
        return [part]

    async def _once_more(self, event: Incoming, cause: Exception) -> None:
        name = event.envelope.id
        self._tries[name] += 1
        if isinstance(cause, Permanent) or self._tries[name] >= MAX_TRIES:
            self._condemned[name] = reason_for(cause, self._tries[name])
        else:
            await asyncio.sleep(RETRY_SECONDS * 2 ** self._tries[name])
