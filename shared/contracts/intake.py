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
CareRole = Literal["lead", "co", "cover", "supervisor"]
Relation = Literal["guardian", "caretaker", "collateral"]
Sight = Literal["outcomes", "words"]
"""What a related person may see: the course of the ratings, and the words with them."""
SessionType = Literal["assessment", "treatment", "review", "follow_up", "other"]


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
    """Stream `client-<id>`: somebody is in care. `external_hashes` are keyed hashes for look-up.

    `registered_by` is the member of staff who did it, and who cares until an episode opens.
    `as_of` is when the details were so, where whoever sends them says it.
    """

    type: ClassVar[str] = "heroic.intake.ClientRegistered"
    client_id: str
    external_hashes: list[str] = []
    registered_by: str | None = None
    as_of: datetime | None = None
    private: ClientDetails | None


class ClientDetailsCorrected(Event, frozen=True, kw_only=True):
    """Stream `client-<id>`: the details as they stand from now on (whole, not a difference).

    `as_of` is when they were so; what was so before that corrects nothing any more.
    """

    type: ClassVar[str] = "heroic.intake.ClientDetailsCorrected"
    client_id: str
    external_hashes: list[str] = []
    as_of: datetime | None = None
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


class CareMember(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody of a care team, from a time on; `until` None: for as long as it goes on."""

    person_id: str
    role: CareRole
    since: datetime
    until: datetime | None = None


class CareTeamChanged(Event, frozen=True, kw_only=True):
    """Stream `episode-<id>`: who cares, as it stands from now on (whole, not a difference), past
    members included."""

    type: ClassVar[str] = "heroic.intake.CareTeamChanged"
    episode_id: str
    client_id: str
    members: list[CareMember]


class RelatedPerson(Private, frozen=True, kw_only=True):
    """Who somebody close to a client is."""

    name: str | None = None


class RelatedPersonAdded(Event, frozen=True, kw_only=True):
    """Stream `client-<id>`: somebody close to the client, as they stand from now on (whole).

    `may_see` is what the client, or the care team of a child, lets them see; nothing by default.
    """

    type: ClassVar[str] = "heroic.intake.RelatedPersonAdded"
    client_id: str
    related_id: str
    relation: Relation
    may_see: list[Sight] = []
    private: RelatedPerson | None = None


class RelatedPersonRemoved(Event, frozen=True, kw_only=True):
    """Stream `client-<id>`: somebody is not close any more and sees nothing."""

    type: ClassVar[str] = "heroic.intake.RelatedPersonRemoved"
    client_id: str
    related_id: str


class MergeReason(Private, frozen=True, kw_only=True):
    """Why two clients are one, or are two after all."""

    reason: str


class ClientsMerged(Event, frozen=True, kw_only=True):
    """Stream `client-<id>`: this client is an alias from now on, the same person as `into`.

    Old streams keep their key and subject; nothing moves. `into` is never an alias itself.
    """

    type: ClassVar[str] = "heroic.intake.ClientsMerged"
    client_id: str
    into: str
    private: MergeReason | None = None


class ClientsUnmerged(Event, frozen=True, kw_only=True):
    """Stream `client-<id>`: this client and the one that it was an alias of are two after all."""

    type: ClassVar[str] = "heroic.intake.ClientsUnmerged"
    client_id: str
    was: str
    private: MergeReason | None = None


class AliasesChanged(Event, frozen=True, kw_only=True):
    """Stream `client-<id>`: who is the same person as this client, as it stands from now on
    (whole, not a difference).

    It says of one stream what ClientsMerged and ClientsUnmerged say of the others, and is written
    with them, so that two merges at once meet in a version. Readers need those two alone.
    """

    type: ClassVar[str] = "heroic.intake.AliasesChanged"
    client_id: str
    aliases: list[str]


class ErasureReason(Private, frozen=True, kw_only=True):
    """Why an erasure was asked for, approved or refused."""

    reason: str


class ErasureRequested(Event, frozen=True, kw_only=True):
    """Stream `client-<id>`: somebody asks that all of a client be erased."""

    type: ClassVar[str] = "heroic.intake.ErasureRequested"
    request_id: str
    client_id: str
    requested_by: str
    private: ErasureReason | None = None


class ErasureApproved(Event, frozen=True, kw_only=True):
    """Stream `client-<id>`: a second person approves; it is done at `execute_at`."""

    type: ClassVar[str] = "heroic.intake.ErasureApproved"
    request_id: str
    client_id: str
    approved_by: str
    execute_at: datetime
    private: ErasureReason | None = None


class ErasureRefused(Event, frozen=True, kw_only=True):
    """Stream `client-<id>`: it is not done; until it is executed an approved one can be refused
    too. With `restricted` the law demands keeping: nobody works with the data from now on."""

    type: ClassVar[str] = "heroic.intake.ErasureRefused"
    request_id: str
    client_id: str
    refused_by: str
    restricted: bool = False
    private: ErasureReason | None = None


class RestrictionLifted(Event, frozen=True, kw_only=True):
    """Stream `client-<id>`: the data may be worked with again."""

    type: ClassVar[str] = "heroic.intake.RestrictionLifted"
    client_id: str
    lifted_by: str


class ClientErased(Event, frozen=True, kw_only=True):
    """Stream `client-<id>`: the client's key is destroyed, and with it all that was private.

    Whoever holds anything of the client removes it, and says so by a `ClientPurged` of its own.
    """

    type: ClassVar[str] = "heroic.intake.ClientErased"
    request_id: str
    client_id: str
    erased_at: datetime
