"""Sessions, which live in the stream of their episode."""

from datetime import datetime
from functools import singledispatch

import msgspec

from services.intake.domain.times import not_ahead, not_before
from shared.contracts import Event
from shared.contracts.intake import (
    SessionChanged,
    SessionEnteredInError,
    SessionRecorded,
    SessionReference,
    SessionStatus,
    SessionType,
)
from shared.errors import Conflict

HAPPENED = ("held", "missed")
"""What can be said of a session only once its time has come."""


class SessionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """When, what and how of a session."""

    starts_at: datetime
    ends_at: datetime | None = None
    status: SessionStatus
    session_type: SessionType
    medium: str | None = None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A session as it stands; `in_error`: it never was."""

    id: str
    facts: SessionFacts
    external_id: str | None = None
    in_error: bool = False


class RecordSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session becomes known."""

    session_id: str
    facts: SessionFacts
    external_id: str | None = None
    imported: bool = False


class ChangeSession(msgspec.Struct, frozen=True, kw_only=True):
    """The session is like this from now on, or never was."""

    session_id: str
    facts: SessionFacts
    in_error: bool = False


def record_session(
    episode_id: str, client_id: str, command: RecordSession, now: datetime
) -> list[Event]:
    """What follows from a new session."""
    _check(command.facts, now)
    facts, external_id = command.facts, command.external_id
    return [
        SessionRecorded(
            session_id=command.session_id,
            episode_id=episode_id,
            client_id=client_id,
            starts_at=facts.starts_at,
            ends_at=facts.ends_at,
            status=facts.status,
            session_type=facts.session_type,
            medium=facts.medium,
            imported=command.imported,
            private=SessionReference(external_id=external_id) if external_id else None,
        )
    ]


def change_session(
    episode_id: str,
    client_id: str,
    session: Session | None,
    command: ChangeSession,
    now: datetime,
) -> list[Event]:
    """What follows from other facts about a session."""
    if session is None:
        raise Conflict("There is no such session.")
    if command.in_error:
        if session.in_error:
            return []
        return [
            SessionEnteredInError(session_id=session.id, episode_id=episode_id, client_id=client_id)
        ]
    if session.in_error:
        raise Conflict("The session was entered in error.")
    if command.facts == session.facts:
        return []
    _check(command.facts, now)
    facts = command.facts
    return [
        SessionChanged(
            session_id=session.id,
            episode_id=episode_id,
            client_id=client_id,
            starts_at=facts.starts_at,
            ends_at=facts.ends_at,
            status=facts.status,
            session_type=facts.session_type,
            medium=facts.medium,
        )
    ]


def _check(facts: SessionFacts, now: datetime) -> None:
    # A session of the future may be booked or cancelled, but neither held nor missed.
    if facts.status in HAPPENED:
        not_ahead(facts.starts_at, now, "/starts_at")
    if facts.ends_at is not None:
        not_before(facts.ends_at, facts.starts_at, "/ends_at")


@singledispatch
def evolve_sessions(event: Event, sessions: dict[str, Session]) -> dict[str, Session]:
    """The sessions of an episode after `event`."""
    return sessions


@evolve_sessions.register
def _(event: SessionRecorded, sessions: dict[str, Session]) -> dict[str, Session]:
    external_id = event.private.external_id if event.private else None
    session = Session(id=event.session_id, facts=_facts(event), external_id=external_id)
    return {**sessions, session.id: session}


@evolve_sessions.register
def _(event: SessionChanged, sessions: dict[str, Session]) -> dict[str, Session]:
    session = msgspec.structs.replace(sessions[event.session_id], facts=_facts(event))
    return {**sessions, session.id: session}


@evolve_sessions.register
def _(event: SessionEnteredInError, sessions: dict[str, Session]) -> dict[str, Session]:
    session = msgspec.structs.replace(sessions[event.session_id], in_error=True)
    return {**sessions, session.id: session}


def _facts(event: SessionRecorded | SessionChanged) -> SessionFacts:
    return SessionFacts(
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        status=event.status,
        session_type=event.session_type,
        medium=event.medium,
    )
