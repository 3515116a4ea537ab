"""Events of intake: who is in care."""

# ruff: noqa: RUF012 - msgspec gives every Struct its own copy of an empty default.

from datetime import date, datetime
from typing import ClassVar, Literal

import msgspec

from shared.contracts.events import Event, Private

Purpose = Literal["supervision", "service_statistics", "research", "integrations"]
MeasuringState = Literal["on", "paused", "declined"]
AgeGroup = Literal["child", "adolescent", "adult"]
Ending = Literal["planned", "unplanned", "administrative"]
SessionStatus = Literal["booked", "held", "missed", "cancelled_by_client", "cancelled_by_service"]
SessionType = Literal["assessment", "treatment", "review", "follow_up", "other"]


class OrganisationRegistered(Event, frozen=True, kw_only=True):
    """Stream `organisation-<id>`: a clinic network, the tenant of all that follows."""

    type: ClassVar[str] = "heroic.intake.OrganisationRegistered"
    organisation_id: str
    name: str


class ClinicOpened(Event, frozen=True, kw_only=True):
    """Stream `organisation-<id>`: a place of work inside an organisation."""

    type: ClassVar[str] = "heroic.intake.ClinicOpened"
    clinic_id: str
    name: str
    timezone: str


class PersonDetails(Private, frozen=True, kw_only=True):
    """Who a member of staff is."""

    name: str
    email: str | None = None


class PersonInvited(Event, frozen=True, kw_only=True):
    """Stream `person-<id>`: a member of staff is known."""

    type: ClassVar[str] = "heroic.intake.PersonInvited"
    person_id: str
    roles: list[str]
    private: PersonDetails | None


class PersonDeactivated(Event, frozen=True, kw_only=True):
    """Stream `person-<id>`: a member of staff has no access any more."""

    type: ClassVar[str] = "heroic.intake.PersonDeactivated"
    person_id: str


class IntegrationRegistered(Event, frozen=True, kw_only=True):
    """Stream `integration-<id>`: a machine may act for the organisation within its scopes.

    `secret_hash` is an scrypt or Argon2 hash, never the secret.
    """

    type: ClassVar[str] = "heroic.intake.IntegrationRegistered"
    integration_id: str
    name: str
    scopes: list[str]
    secret_hash: str


class IntegrationRevoked(Event, frozen=True, kw_only=True):
    """Stream `integration-<id>`: the machine may do nothing any more."""

    type: ClassVar[str] = "heroic.intake.IntegrationRevoked"
    integration_id: str


class Identifier(msgspec.Struct, frozen=True):
    """A number of the outside world: whose, and which."""

    system: str
    value: str


class Contact(msgspec.Struct, frozen=True, omit_defaults=True):
    """A way to reach a client, and whether it may be used."""

    channel: str
    value: str
    allowed: bool
    quiet_hours: str | None = None


class ClientDetails(Private, frozen=True, kw_only=True):
    """All that identifies a client."""

    external_id: str | None = None
    identifiers: list[Identifier] = []
    given_name: str | None = None
    family_name: str | None = None
    birth_date: date | None = None
    sex_for_norms: str | None = None
    language: str | None = None
    contacts: list[Contact] = []


class ClientRegistered(Event, frozen=True, kw_only=True):
    """Stream `client-<id>`: somebody is in care. `external_hashes` are keyed hashes for look-up."""

    type: ClassVar[str] = "heroic.intake.ClientRegistered"
    client_id: str
    external_hashes: list[str] = []
    private: ClientDetails | None


class ClientDetailsCorrected(Event, frozen=True, kw_only=True):
    """Stream `client-<id>`: the details as they stand from now on (whole, not a difference)."""

    type: ClassVar[str] = "heroic.intake.ClientDetailsCorrected"
    client_id: str
    external_hashes: list[str] = []
    private: ClientDetails | None


class MeasuringReason(Private, frozen=True, kw_only=True):
    """Why measuring changed, in somebody's words."""

    reason: str | None = None


class MeasuringChanged(Event, frozen=True, kw_only=True):
    """Stream `client-<id>`: measuring goes on, is paused, or declined."""

    type: ClassVar[str] = "heroic.intake.MeasuringChanged"
    client_id: str
    state: MeasuringState
    private: MeasuringReason | None = None


class ConsentDecision(Private, frozen=True, kw_only=True):
    """Who gave or withdrew a consent, and under which wording."""

    given_by: str | None = None
    wording_version: str | None = None


class ConsentGiven(Event, frozen=True, kw_only=True):
    """Stream `client-<id>`: the client agrees to one purpose beyond care."""

    type: ClassVar[str] = "heroic.intake.ConsentGiven"
    client_id: str
    purpose: Purpose
    at: datetime
    private: ConsentDecision | None = None


class ConsentWithdrawn(Event, frozen=True, kw_only=True):
    """Stream `client-<id>`: the client does not agree (any more) to one purpose beyond care."""

    type: ClassVar[str] = "heroic.intake.ConsentWithdrawn"
    client_id: str
    purpose: Purpose
    at: datetime
    private: ConsentDecision | None = None


class EpisodeReference(Private, frozen=True, kw_only=True):
    """The caller's own id of an episode."""

    external_id: str | None = None


class EpisodeOpened(Event, frozen=True, kw_only=True):
    """Stream `episode-<id>`: one client's course of care begins.

    `external_hash` is the keyed hash of the caller's own id; `imported` says that it came in as
    history.
    """

    type: ClassVar[str] = "heroic.intake.EpisodeOpened"
    episode_id: str
    client_id: str
    kind: Literal["individual"] = "individual"
    age_group: AgeGroup
    opened_at: datetime
    clinician_id: str | None = None
    clinic_id: str | None = None
    external_hash: str | None = None
    imported: bool = False
    private: EpisodeReference | None = None


class EpisodeTransferred(Event, frozen=True, kw_only=True):
    """Stream `episode-<id>`: another clinician leads from `at` on."""

    type: ClassVar[str] = "heroic.intake.EpisodeTransferred"
    episode_id: str
    client_id: str
    to_clinician_id: str
    at: datetime


class EndingReason(Private, frozen=True, kw_only=True):
    """Why an episode ended, in somebody's words."""

    reason: str | None = None


class EpisodeClosed(Event, frozen=True, kw_only=True):
    """Stream `episode-<id>`: the course of care has ended."""

    type: ClassVar[str] = "heroic.intake.EpisodeClosed"
    episode_id: str
    client_id: str
    closed_at: datetime
    ending: Ending
    private: EndingReason | None = None


class EpisodeReopened(Event, frozen=True, kw_only=True):
    """Stream `episode-<id>`: it goes on after all."""

    type: ClassVar[str] = "heroic.intake.EpisodeReopened"
    episode_id: str
    client_id: str
    at: datetime


class SessionReference(Private, frozen=True, kw_only=True):
    """The caller's own id of a session."""

    external_id: str | None = None


class SessionRecorded(Event, frozen=True, kw_only=True):
    """Stream `episode-<id>`: a session was booked, held, missed or cancelled."""

    type: ClassVar[str] = "heroic.intake.SessionRecorded"
    session_id: str
    episode_id: str
    client_id: str
    starts_at: datetime
    ends_at: datetime | None = None
    status: SessionStatus
    session_type: SessionType
    medium: str | None = None
    imported: bool = False
    private: SessionReference | None = None


class SessionChanged(Event, frozen=True, kw_only=True):
    """Stream `episode-<id>`: the session as it stands from now on (whole, not a difference)."""

    type: ClassVar[str] = "heroic.intake.SessionChanged"
    session_id: str
    episode_id: str
    client_id: str
    starts_at: datetime
    ends_at: datetime | None = None
    status: SessionStatus
    session_type: SessionType
    medium: str | None = None


class SessionEnteredInError(Event, frozen=True, kw_only=True):
    """Stream `episode-<id>`: this session never was."""

    type: ClassVar[str] = "heroic.intake.SessionEnteredInError"
    session_id: str
    episode_id: str
    client_id: str
