"""An episode: one client's course of care, with its sessions."""

from datetime import datetime

import msgspec

from services.intake.domain.care_team import (
    check_team,
    not_far_ahead,
)
from services.intake.domain.episode_state import Closing, Episode, Open, fold
from services.intake.domain.sessions import (
    ChangeSession,
    RecordSession,
    change_session,
    record_session,
)
from services.intake.domain.times import not_ahead, not_before
from shared.contracts import Event
from shared.contracts.intake import (
    CareMember,
    CareTeamChanged,
    EndingReason,
    EpisodeClosed,
    EpisodeOpened,
    EpisodeReference,
    EpisodeReopened,
    EpisodeTransferred,
)
from shared.errors import Conflict

__all__ = [
    "ChangeTeam",
    "Close",
    "Closing",
    "Command",
    "Episode",
    "NewEpisode",
    "Open",
    "Reopen",
    "Transfer",
    "decide",
    "fold",
]


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


class ChangeTeam(msgspec.Struct, frozen=True, kw_only=True):
    """The care team is this from now on, past members included."""

    members: tuple[CareMember, ...]


Command = NewEpisode | Close | Reopen | Transfer | ChangeTeam | RecordSession | ChangeSession


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
        case ChangeTeam():
            return _change_team(episode, command.members, now)
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
    not_far_ahead(command.at, now, "/at")
    not_before(command.at, episode.opening.opened_at, "/at")
    return [
        EpisodeTransferred(
            episode_id=episode.id,
            client_id=episode.client_id,
            to_clinician_id=command.to_clinician_id,
            at=command.at,
        )
    ]


def _change_team(episode: Episode, members: tuple[CareMember, ...], now: datetime) -> list[Event]:
    if episode.team == members:
        return []
    check_team(members, now, open_=episode.status == "open")
    return [
        CareTeamChanged(episode_id=episode.id, client_id=episode.client_id, members=list(members))
    ]
