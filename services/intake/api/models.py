"""What callers send: shapes, and the intents that they stand for."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from services.intake.domain import episode
from services.intake.domain.sessions import SessionFacts
from services.intake.intents import (
    DecideConsent,
    PutClient,
    PutEpisode,
    PutSession,
    Ref,
    ReplaceSession,
)
from shared.contracts.intake import (
    AgeGroup,
    ClientDetails,
    Contact,
    Ending,
    Identifier,
    MeasuringState,
    Purpose,
    SessionStatus,
    SessionType,
)
from shared.web import ApiModel, Day, ExternalId, Id, Name, UtcTime, Words

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
"""A word of some list, never free text."""
Language = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$", max_length=35)
]
MAX_FEW = 20


class IdentifierModel(ApiModel):
    """A number of the outside world."""

    system: Name
    value: Name

    def plain(self) -> Identifier:
        """The same for the domain."""
        return Identifier(self.system, self.value)


class ContactModel(ApiModel):
    """A way to reach a client."""

    channel: Code
    value: Name
    allowed: bool
    quiet_hours: Name | None = None

    def plain(self) -> Contact:
        """The same for the domain."""
        return Contact(self.channel, self.value, self.allowed, self.quiet_hours)


class ClientModel(ApiModel):
    """A client; every field may be left out, and a correction replaces only what it names."""

    external_id: ExternalId | None = None
    identifiers: list[IdentifierModel] = Field(default=[], max_length=MAX_FEW)
    given_name: Name | None = None
    family_name: Name | None = None
    birth_date: Day | None = None
    sex_for_norms: Code | None = None
    language: Language | None = None
    contacts: list[ContactModel] = Field(default=[], max_length=MAX_FEW)

    def details(self) -> ClientDetails:
        """The details as a whole."""
        return ClientDetails(
            external_id=self.external_id,
            identifiers=[one.plain() for one in self.identifiers],
            given_name=self.given_name,
            family_name=self.family_name,
            birth_date=self.birth_date,
            sex_for_norms=self.sex_for_norms,
            language=self.language,
            contacts=[one.plain() for one in self.contacts],
        )

    def changes(self) -> dict[str, object]:
        """The fields that were named."""
        details = self.details()
        fields = ClientDetails.__struct_fields__
        return {name: getattr(details, name) for name in self.model_fields_set.intersection(fields)}


class SearchModel(ApiModel):
    """Looks for a client by one of the two."""

    identifier: IdentifierModel | None = None
    external_id: ExternalId | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.identifier is None) == (self.external_id is None):
            raise ValueError("Either identifier or external_id is needed.")
        return self


class ConsentModel(ApiModel):
    """A client's decision about one purpose."""

    purpose: Purpose
    given: bool
    at: UtcTime | None = None
    given_by: Name | None = None
    wording_version: Name | None = None

    def intent(self, client: Ref) -> DecideConsent:
        """What is asked for."""
        return DecideConsent(
            client=client,
            purpose=self.purpose,
            given=self.given,
            at=self.at,
            given_by=self.given_by,
            wording_version=self.wording_version,
        )


class MeasuringModel(ApiModel):
    """Whether a client is measured."""

    state: MeasuringState
    reason: Words | None = None


class ClientRefModel(ApiModel):
    """Names a client by our id or the caller's."""

    client_id: Id | None = None
    client_external_id: ExternalId | None = None

    @model_validator(mode="after")
    def _one_client(self) -> Self:
        if (self.client_id is None) == (self.client_external_id is None):
            raise ValueError("Either client_id or client_external_id is needed.")
        return self

    def client(self) -> Ref:
        """The client that is meant."""
        return Ref(id=self.client_id, external_id=self.client_external_id)


class EpisodeFields(ClientRefModel):
    """How an episode begins."""

    external_id: ExternalId | None = None
    opened_at: UtcTime
    age_group: AgeGroup | None = None
    clinician_id: Id | None = None
    clinic_id: Id | None = None

    def intent(self) -> PutEpisode:
        """What is asked for."""
        return PutEpisode(
            client=self.client(),
            external_id=self.external_id,
            opened_at=self.opened_at,
            age_group=self.age_group,
            clinician_id=self.clinician_id,
            clinic_id=self.clinic_id,
        )


class EpisodeModel(EpisodeFields):
    """An episode that begins."""

    kind: Literal["individual"] = "individual"


class CloseModel(ApiModel):
    """How an episode ended."""

    closed_at: UtcTime
    ending: Ending
    reason: Words | None = None

    def command(self) -> episode.Close:
        """What is asked for."""
        return episode.Close(
            closing=episode.Closing(
                closed_at=self.closed_at, ending=self.ending, reason=self.reason or None
            )
        )


class ReopenModel(ApiModel):
    """When an episode goes on."""

    at: UtcTime


class TransferModel(ApiModel):
    """Who leads from when on."""

    to_clinician_id: Id
    at: UtcTime


class SessionFields(ApiModel):
    """What is known of a session."""

    external_id: ExternalId | None = None
    starts_at: UtcTime
    ends_at: UtcTime | None = None
    status: SessionStatus
    type: SessionType
    medium: Code | None = None
    entered_in_error: bool = False

    def facts(self) -> SessionFacts:
        """The same for the domain."""
        return SessionFacts(
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            status=self.status,
            session_type=self.type,
            medium=self.medium,
        )


class SessionModel(SessionFields):
    """A session of an episode."""

    episode_id: Id | None = None
    episode_external_id: ExternalId | None = None

    @model_validator(mode="after")
    def _one_episode(self) -> Self:
        if (self.episode_id is None) == (self.episode_external_id is None):
            raise ValueError("Either episode_id or episode_external_id is needed.")
        return self

    def intent(self) -> PutSession:
        """What is asked for."""
        return PutSession(
            episode=Ref(id=self.episode_id, external_id=self.episode_external_id),
            external_id=self.external_id,
            facts=self.facts(),
            in_error=self.entered_in_error,
        )


class SessionChangeModel(SessionFields):
    """A session as it is from now on; its episode may be named, and must be its own."""

    episode_id: Id | None = None
    episode_external_id: ExternalId | None = None

    @model_validator(mode="after")
    def _at_most_one_episode(self) -> Self:
        if self.episode_id is not None and self.episode_external_id is not None:
            raise ValueError("Only one of episode_id and episode_external_id can be given.")
        return self

    def intent(self, session_id: str, if_match: int | None) -> ReplaceSession:
        """What is asked for."""
        named = self.episode_id is not None or self.episode_external_id is not None
        return ReplaceSession(
            session_id=session_id,
            episode=Ref(id=self.episode_id, external_id=self.episode_external_id)
            if named
            else None,
            external_id=self.external_id,
            facts=self.facts(),
            in_error=self.entered_in_error,
            if_match=if_match,
        )


class ClientLine(ClientModel):
    """A line of a bulk call that registers a client."""

    kind: Literal["client"]

    def intent(self) -> PutClient:
        """What is asked for."""
        return PutClient(details=self.details())


class EpisodeLine(EpisodeFields):
    """A line of a bulk call that opens an episode."""

    kind: Literal["episode"]


class SessionLine(SessionModel):
    """A line of a bulk call that records a session."""

    kind: Literal["session"]


class ConsentLine(ClientRefModel, ConsentModel):
    """A line of a bulk call that records a decision."""

    kind: Literal["consent"]

    def line_intent(self) -> DecideConsent:
        """What is asked for."""
        return self.intent(self.client())


class ClinicModel(ApiModel):
    """A place of work."""

    name: Name
    timezone: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_+/-]{0,63}$")]


class PersonModel(ApiModel):
    """A member of staff."""

    name: Name
    email: (
        Annotated[str, StringConstraints(pattern=r"^[^@\s\x00]+@[^@\s\x00]+$", max_length=254)]
        | None
    ) = None
    roles: list[Literal["clinician", "supervisor", "operator", "administrator"]] = Field(
        min_length=1, max_length=4
    )
