"""What callers get: things as they stand, without what is not for them."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from services.intake.api.models.clients import ContactModel, IdentifierModel
from shared.contracts.intake import (
    AgeGroup,
    CareRole,
    Ending,
    MeasuringState,
    Purpose,
    Relation,
    SessionStatus,
    SessionType,
    Sight,
)
from shared.web import ApiModel

Withheld = Literal["supervision", "related"]
"""Why fields are left out: the client agrees to no supervision with names, or whoever asks is
somebody close to them and no more."""


class View(ApiModel):
    """Base: `version` is also the ETag, `position` is for `min_position` of reads anywhere."""

    id: str
    version: int
    position: str
    withheld: list[Withheld] | None = None


class ClientView(View):
    """A client. `consents` are in force, those in `consents_decided` by the client's decision.

    `aliases` are other ids of the same person; each of them shows this client.
    """

    external_id: str | None = None
    identifiers: list[IdentifierModel] | None = None
    given_name: str | None = None
    family_name: str | None = None
    birth_date: date | None = None
    sex_for_norms: str | None = None
    language: str | None = None
    contacts: list[ContactModel] | None = None
    as_of: datetime | None = None
    measuring: MeasuringState
    consents: dict[Purpose, bool]
    consents_decided: list[Purpose]
    aliases: list[str]


class ConsentView(View):
    """A decision; `id` is that of the client."""

    client_id: str
    purpose: Purpose
    given: bool
    at: datetime
    given_by: str | None = None
    wording_version: str | None = None


class RelatedView(View):
    """Somebody close to a client; `version` is that of the client."""

    client_id: str
    relation: Relation
    name: str | None = None
    may_see: list[Sight]


class RelatedListView(ApiModel):
    """Everybody who is close to a client."""

    items: list[RelatedView]
    next: None = None


class CareMemberView(ApiModel):
    """Somebody of a care team, from a time on and until another, if it is known."""

    person_id: str
    role: CareRole
    since: datetime = Field(alias="from")
    until: datetime | None = Field(default=None, alias="to")


class EpisodeView(View):
    """An episode; `clinician_id` is who leads now."""

    client_id: str
    external_id: str | None = None
    kind: str = "individual"
    age_group: AgeGroup
    opened_at: datetime
    clinician_id: str | None = None
    clinic_id: str | None = None
    care_team: list[CareMemberView]
    status: str
    closed_at: datetime | None = None
    ending: Ending | None = None
    reason: str | None = None


class SessionView(View):
    """A session; `version` is that of its episode."""

    episode_id: str
    client_id: str
    external_id: str | None = None
    starts_at: datetime
    ends_at: datetime | None = None
    status: SessionStatus
    type: SessionType
    medium: str | None = None
    entered_in_error: bool


class ClientsFound(ApiModel):
    """The clients that were looked for."""

    items: list[ClientView]
    next: None = None
