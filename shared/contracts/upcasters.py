"""Old schema versions of events, and how each becomes the next one.

To change an event incompatibly: raise its `version`, leave the old schema and golden file where
they are, and register here how the old form becomes the new one.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

Fields = dict[str, Any]


def unchanged(fields: Fields) -> Fields:
    """The same fields: for the part of an event that the new version left as it was."""
    return fields


class Upcaster(NamedTuple):
    """Turns schema version `version` of `type` into the next one; JSON values in and out."""

    type: str
    version: int
    clear: Callable[[Fields], Fields] = unchanged
    private: Callable[[Fields], Fields] = unchanged


Upcasters = Mapping[tuple[str, int], Upcaster]


def registry(upcasters: Sequence[Upcaster]) -> Upcasters:
    """Upcasters by the type and version that they read."""
    return {(upcaster.type, upcaster.version): upcaster for upcaster in upcasters}


UPCASTERS = registry(())
"""Every step of every event; empty while all events are of version 1."""
