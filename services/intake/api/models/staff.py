"""People and what they may do."""

from typing import Annotated

from pydantic import Field, StringConstraints

from services.intake.domain.person import Person
from shared.contracts.people import StaffRole
from shared.web import ApiModel, Id, Name


class PersonModel(ApiModel):
    """A member of staff."""

    name: Name
    email: (
        Annotated[str, StringConstraints(pattern=r"^[^@\s\x00]+@[^@\s\x00]+$", max_length=254)]
        | None
    ) = None
    roles: list[StaffRole] = Field(min_length=1, max_length=4)


class RoleModel(ApiModel):
    """A role to be given."""

    role: StaffRole


class HandOverModel(ApiModel):
    """Who takes over."""

    to_person_id: Id


class PersonView(ApiModel):
    """A member of staff; `joined` once they have taken up the invitation."""

    id: str
    name: str
    email: str | None = None
    roles: list[str]
    active: bool
    joined: bool


class PeopleView(ApiModel):
    """A page of people."""

    items: list[PersonView]
    next: str | None


class LedView(ApiModel):
    """An open episode that somebody leads; `without_lead` where they have no access any more."""

    episode_id: str
    client_id: str
    without_lead: bool


class CaseloadView(ApiModel):
    """All open episodes that somebody leads."""

    items: list[LedView]
    next: None = None


class HandedOverView(ApiModel):
    """What became of one episode: handed over, or why not."""

    episode_id: str
    client_id: str
    status: str
    error: str | None = None


class HandOverView(ApiModel):
    """What became of each."""

    items: list[HandedOverView]


def person_view(person: Person) -> PersonView:
    """A member of staff as callers see them."""
    return PersonView(
        id=person.id,
        name=person.name,
        email=person.email,
        roles=sorted(person.roles),
        active=person.active,
        joined=person.joined,
    )
