"""What becomes of an intent."""

from functools import singledispatch
from typing import TypeVar

import msgspec

from services.intake.desk import Desk, Loaded
from services.intake.domain.client import Client
from services.intake.domain.episode import Episode
from services.intake.domain.sessions import Session
from services.intake.intents import Intent
from shared.errors import Conflict, PreconditionFailed
from shared.web.ndjson import LineStatus

S = TypeVar("S", Client, Episode)


class OtherContent(Conflict):
    """The external id is known, with other content than what came now."""

    code, title = "other_content", "Known with other content"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an intent: the thing as it stands then, and where that is recorded."""

    status: LineStatus
    id: str
    client_id: str
    stream: str
    version: int
    state: Client | Episode | Session
    episode_id: str | None = None
    """Of a session: its episode."""


@singledispatch
def fulfil(intent: Intent, desk: Desk) -> Outcome:
    """What becomes of `intent`; raises a `HeroicError` and changes nothing where it cannot be."""
    raise TypeError(f"unknown intent: {type(intent).__name__}")


def check_version(intent: Intent, loaded: Loaded[S]) -> None:
    """Refuse where `If-Match` named another version than the present one."""
    if intent.if_match is not None and intent.if_match != loaded.version:
        raise PreconditionFailed("It is at another version than If-Match says.")


def outcome_of(loaded: Loaded[S], status: LineStatus) -> Outcome:
    """The outcome where the thing is the client or the episode itself."""
    return Outcome(
        status=status,
        id=loaded.state.id,
        client_id=loaded.client_id,
        stream=loaded.stream,
        version=loaded.version,
        state=loaded.state,
    )
