"""A small cache that forgets: at most so many entries, none older than so many seconds."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ExpiringCache(Generic[K, V]):
    """Least recently used entries go first; `timer` gives seconds that never run backwards."""

    def __init__(self, *, size: int, seconds: float, timer: Callable[[], float]) -> None:
        self._size = size
        self._seconds = seconds
        self._timer = timer
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def now(self) -> float:
        """The present second, to be handed to `get` and `put` of many entries."""
        return self._timer()

    def get(self, key: K, now: float) -> tuple[V] | None:
        """The value in a tuple of one (a value may be None), or None where there is none."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        expires, value = entry
        if expires <= now:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return (value,)

    def put(self, key: K, value: V, now: float) -> None:
        """Keep `value`, counting its age from `now` (when it was asked for, not when it came)."""
        self._entries[key] = (now + self._seconds, value)
        self._entries.move_to_end(key)
        while len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def drop(self, key: K) -> None:
        """Forget one, if it is there."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
