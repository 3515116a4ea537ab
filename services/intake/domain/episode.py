"""An episode: one client's course of care, with its sessions."""

from collections.abc import Iterable
from datetime import datetime
from functools import singledispatch
from typing import Literal

import msgspec

from services.intake.domain.sessions import (
    ChangeSession,
    RecordSession,
    Session,
    change_session,
    evolve_sessions,
    record_session,
)
from services.intake.domain.times import not_ahead, not_before
from shared.contracts import Event
from shared.contracts.intake import (
    AgeGroup,
    Ending,
    EndingReason,
    EpisodeClosed,
    EpisodeOpened,
    EpisodeReference,
    EpisodeReopened,
    EpisodeTransferred,
)
from shared.errors import Conflict


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """How and when an episode ended."""

    closed_at: datetime
    ending: Ending
    reason: str | None = None


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """An episode as it stands; `opening` is how it began, and never changes."""

    id: str
    client_id: str
    opening: "Open"
    clinician_id: str | None
    status: Literal["open", "closed"] = "open"
    closing: Closing | None = None
    turned_at: datetime
    """When it was last opened, closed or reopened."""
    sessions: dict[str, Session] = {}


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """A course of care begins."""

    client_id: str
    age_group: AgeGroup
    opened_at: datetime
    clinician_id: str | None = None
    clinic_id: str | None = None
    external_id: str | None = None


class NewEpisode(msgspec.Struct, frozen=True, kw_only=True):
    """`opening` under a new id; `external_hash` is the keyed hash of the caller's id."""

    episode_id: str
    opening: Open
    external_hash: str | None = None
    imported: bool = False


class Close(msgspec.Struct, frozen=True, kw_only=True):
    """The course of care has ended."""

    closing: Closing


class Reopen(msgspec.Struct, frozen=True, kw_only=True):
    """It goes on after all."""

    at: datetime


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """Another clinician leads from `at` on."""

    to_clinician_id: str
    at: datetime


Command = NewEpisode | Close | Reopen | Transfer | RecordSession | ChangeSession


def decide(episode: Episode | None, command: Command, now: datetime) -> list[Event]:
    """What follows from `command`; nothing where it holds already. `now` is the clock's time."""
    if isinstance(command, NewEpisode):
        return _open(episode, command, now)
    if episode is None:
        raise Conflict("The episode is not open.")
    match command:
        case Close():
            return _close(episode, command.closing, now)
        case Reopen():
            return _reopen(episode, command.at, now)
        case Transfer():
            return _transfer(episode, command, now)
        case RecordSession():
            return record_session(episode.id, episode.client_id, command, now)
        case ChangeSession():
            return change_session(
                episode.id,
                episode.client_id,
                episode.sessions.get(command.session_id),
                command,
                now,
            )


def _open(episode: Episode | None, command: NewEpisode, now: datetime) -> list[Event]:
    if episode is not None:
        raise Conflict("The episode is open already.")
    opening = command.opening
    not_ahead(opening.opened_at, now, "/opened_at")
    reference = EpisodeReference(external_id=opening.external_id)
    return [
        EpisodeOpened(
            episode_id=command.episode_id,
            client_id=opening.client_id,
            age_group=opening.age_group,
            opened_at=opening.opened_at,
            clinician_id=opening.clinician_id,
            clinic_id=opening.clinic_id,
            external_hash=command.external_hash,
            imported=command.imported,
            private=reference if opening.external_id is not None else None,
        )
    ]


def _close(episode: Episode, closing: Closing, now: datetime) -> list[Event]:
    if episode.closing == closing:
        return []
    if episode.status == "closed":
        raise Conflict("The episode is closed already.")
    not_ahead(closing.closed_at, now, "/closed_at")
    not_before(closing.closed_at, episode.turned_at, "/closed_at")
    return [
        EpisodeClosed(
            episode_id=episode.id,
            client_id=episode.client_id,
            closed_at=closing.closed_at,
            ending=closing.ending,
            private=EndingReason(reason=closing.reason) if closing.reason else None,
        )
    ]


def _reopen(episode: Episode, at: datetime, now: datetime) -> list[Event]:
    if episode.status == "open":
        if episode.turned_at == at:
            return []
        raise Conflict("The episode is open.")
    not_ahead(at, now, "/at")
    not_before(at, episode.turned_at, "/at")
    return [EpisodeReopened(episode_id=episode.id, client_id=episode.client_id, at=at)]


def _transfer(episode: Episode, command: Transfer, now: datetime) -> list[Event]:
    if episode.clinician_id == command.to_clinician_id:
        return []
    if episode.status == "closed":
        raise Conflict("The episode is closed.")
    not_ahead(command.at, now, "/at")
    not_before(command.at, episode.opening.opened_at, "/at")
    return [
        EpisodeTransferred(
            episode_id=episode.id,
            client_id=episode.client_id,
            to_clinician_id=command.to_clinician_id,
            at=command.at,
        )
    ]


@singledispatch
def evolve(event: Event, episode: Episode | None) -> Episode | None:
    """The episode after `event`."""
    if episode is None:
        return None
    return msgspec.structs.replace(episode, sessions=evolve_sessions(event, episode.sessions))


@evolve.register
def _(event: EpisodeOpened, episode: Episode | None) -> Episode:
    opening = Open(
        client_id=event.client_id,
        age_group=event.age_group,
        opened_at=event.opened_at,
        clinician_id=event.clinician_id,
        clinic_id=event.clinic_id,
        external_id=event.private.external_id if event.private else None,
    )
    return Episode(
        id=event.episode_id,
        client_id=event.client_id,
        opening=opening,
        clinician_id=event.clinician_id,
        turned_at=event.opened_at,
    )


@evolve.register
def _(event: EpisodeClosed, episode: Episode) -> Episode:
    reason = event.private.reason if event.private else None
    closing = Closing(closed_at=event.closed_at, ending=event.ending, reason=reason)
    return msgspec.structs.replace(
        episode, status="closed", closing=closing, turned_at=event.closed_at
    )


@evolve.register
def _(event: EpisodeReopened, episode: Episode) -> Episode:
    return msgspec.structs.replace(episode, status="open", closing=None, turned_at=event.at)


@evolve.register
def _(event: EpisodeTransferred, episode: Episode) -> Episode:
    return msgspec.structs.replace(episode, clinician_id=event.to_clinician_id)


def fold(events: Iterable[Event], episode: Episode | None = None) -> Episode | None:
    """The episode after all of `events`."""
    for event in events:
        episode = evolve(event, episode)
    return episode
