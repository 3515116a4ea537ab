"""What becomes of an intent."""

from functools import singledispatch
from typing import TypeVar

import msgspec

from services.intake.desk import Desk, Loaded
from services.intake.domain.client import Client, existing
from services.intake.domain.episode import Episode
from services.intake.domain.merging import OnePerson
from services.intake.domain.sessions import Session
from services.intake.intents import Intent, Ref
from shared.access.reach import Restricted
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
    group: str
    """By whose name it lies on the desk to be written."""
    stream: str
    version: int
    state: OnePerson | Episode | Session
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


def outcome_of(desk: Desk, loaded: Loaded[S], status: LineStatus) -> Outcome:
    """The outcome where the thing is the client or the episode itself."""
    state = loaded.state
    return Outcome(
        status=status,
        id=state.id,
        client_id=loaded.client_id,
        group=desk.one_id(loaded.client_id),
        stream=loaded.stream,
        version=loaded.version,
        state=state if isinstance(state, Episode) else desk.person(client_of(desk, state.id)),
    )


def client_of(desk: Desk, client_id: str) -> Loaded[Client]:
    """The very client of that id, who lies on the desk."""
    return desk.record_of(Ref(id=client_id))


def workable(desk: Desk, one: Loaded[Client]) -> OnePerson:
    """The person, with whom somebody wants to work; raises Gone and Restricted."""
    person = desk.person(one)
    for record in person.records:
        existing(record)
    if person.restricted:
        raise Restricted("What is kept of this client is not worked with.")
    return person


def check_workable(desk: Desk, client_id: str) -> None:
    """The same for the client of an episode, who may not lie on the desk."""
    if client_id in desk.closed:
        raise desk.closed[client_id]
    if desk.shows(client_id):
        workable(desk, desk.client(Ref(id=client_id)))
