"""An episode as its events tell: one client's course of care, with its sessions and its team."""

from collections.abc import Iterable
from datetime import datetime
from functools import singledispatch
from typing import Literal

import msgspec

from services.intake.domain.care_team import cares_at, lead_at, lead_in_the_end, led_from
from services.intake.domain.sessions import Session, evolve_sessions
from shared.contracts import Event
from shared.contracts.intake import (
    AgeGroup,
    CareMember,
    CareTeamChanged,
    Ending,
    EpisodeClosed,
    EpisodeOpened,
    EpisodeReopened,
    EpisodeTransferred,
)


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
    team: tuple[CareMember, ...] = ()
    """Everybody who has cared, cares or is going to, as it was said."""
    status: Literal["open", "closed"] = "open"
    closing: Closing | None = None
    turned_at: datetime
    """When it was last opened, closed or reopened."""
    sessions: dict[str, Session] = {}

    @property
    def clinician_id(self) -> str | None:
        """Who leads after all that is said of the future."""
        return lead_in_the_end(self.team)

    def led_by(self, moment: datetime) -> str | None:
        """Who leads at a moment."""
        return lead_at(self.team, moment)

    def cared_by(self, person_id: str, moment: datetime) -> bool:
        """Whether somebody is in the care team at a moment."""
        return any(one.person_id == person_id and cares_at(one, moment) for one in self.team)


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """A course of care begins."""

    client_id: str
    age_group: AgeGroup
    opened_at: datetime
    clinician_id: str | None = None
    clinic_id: str | None = None
    external_id: str | None = None


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
    lead = event.clinician_id
    return Episode(
        id=event.episode_id,
        client_id=event.client_id,
        opening=opening,
        team=(CareMember(lead, "lead", event.opened_at),) if lead else (),
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
    team = led_from(episode.team, event.to_clinician_id, event.at)
    return msgspec.structs.replace(episode, team=team)


@evolve.register
def _(event: CareTeamChanged, episode: Episode) -> Episode:
    return msgspec.structs.replace(episode, team=tuple(event.members))


def fold(events: Iterable[Event], episode: Episode | None = None) -> Episode | None:
    """The episode after all of `events`."""
    for event in events:
        episode = evolve(event, episode)
    return episode
