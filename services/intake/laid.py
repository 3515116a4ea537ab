"""What lies on a desk: streams with their states, and what is to be written for one person."""

from typing import Generic, TypeVar

import msgspec

from services.intake.domain.client import Client
from services.intake.domain.episode import Episode
from shared.contracts import Event

S = TypeVar("S", Client, Episode)


class Loaded(msgspec.Struct, Generic[S], kw_only=True):
    """A stream with its state; `events` are new and come after version `stored`."""

    stream: str
    client_id: str
    state: S
    stored: int
    events: list[Event] = []

    @property
    def version(self) -> int:
        """The version that the stream has once the new events are written."""
        return self.stored + len(self.events)


class Held(msgspec.Struct, frozen=True):
    """What a claim is to point to, and whose it is."""

    ref: str
    client_id: str


class Group(msgspec.Struct, kw_only=True):
    """What is written for one person."""

    is_new: bool = False
    streams: dict[str, Loaded[Client] | Loaded[Episode]] = {}
    claims: dict[str, Held] = {}
    releases: list[str] = []
