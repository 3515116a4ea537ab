"""Who works in the organisation of a test, and what intake says of them."""

from datetime import UTC, datetime, timedelta

from shared.contracts import Event
from shared.contracts.intake import (
    CareMember,
    CareRole,
    CareTeamChanged,
    EpisodeOpened,
    EpisodeTransferred,
)
from shared.contracts.people import PersonInvited, StaffRole, TeamFormed
from shared.ids import new_id
from tests.integration.alerts.home import Client, Home

LONG_AGO = datetime.now(UTC) - timedelta(days=100)


def member(
    person_id: str,
    role: CareRole = "lead",
    since: datetime = LONG_AGO,
    until: datetime | None = None,
) -> CareMember:
    """Somebody of a care team."""
    return CareMember(person_id, role, since, until)


def care_team(client: Client, *members: CareMember) -> CareTeamChanged:
    """The care team of the client's episode, whole."""
    return CareTeamChanged(episode_id=client.episode_id, client_id=client.id, members=list(members))


def transferred(client: Client, to: str) -> EpisodeTransferred:
    """Somebody else leads from now on."""
    return EpisodeTransferred(
        episode_id=client.episode_id,
        client_id=client.id,
        to_clinician_id=to,
        at=datetime.now(UTC),
    )


def opened(client: Client, by: str | None) -> EpisodeOpened:
    """The client's episode begins, with somebody who leads or with nobody."""
    return EpisodeOpened(
        episode_id=client.episode_id,
        client_id=client.id,
        age_group="adult",
        opened_at=LONG_AGO,
        clinician_id=by,
    )


def invited(person_id: str, *roles: StaffRole) -> PersonInvited:
    """Somebody works here."""
    return PersonInvited(person_id=person_id, roles=list(roles), private=None)


def team(lead_id: str, *member_ids: str, team_id: str | None = None) -> TeamFormed:
    """A team, whole."""
    return TeamFormed(
        team_id=team_id or new_id(), name="Team", lead_ids=[lead_id], member_ids=list(member_ids)
    )


async def in_care_of(home: Home, person_id: str | None, *more: Event) -> Client:
    """A new client whom somebody (or nobody) treats."""
    client = await home.new_client()
    await home.hear(client, opened(client, person_id), *more)
    return client
