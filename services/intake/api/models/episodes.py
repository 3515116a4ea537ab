"""Episodes and sessions."""

from typing import Literal, Self

from pydantic import Field, RootModel, model_validator

from services.intake.api.models.clients import ClientRefModel, Code
from services.intake.domain import episode
from services.intake.domain.care_team import MOST
from services.intake.domain.sessions import SessionFacts
from services.intake.intents import PutEpisode, PutSession, Ref, ReplaceSession
from shared.contracts.intake import (
    AgeGroup,
    CareMember,
    CareRole,
    Ending,
    SessionStatus,
    SessionType,
)
from shared.web import ApiModel, ExternalId, Id, UtcTime, Words


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


class CareMemberModel(ApiModel):
    """Somebody of a care team, from a time on and, where it is known, until another."""

    person_id: Id
    role: CareRole
    since: UtcTime = Field(alias="from")
    until: UtcTime | None = Field(default=None, alias="to")


class CareTeamModel(RootModel[list[CareMemberModel]]):
    """The whole care team, past members included."""

    root: list[CareMemberModel] = Field(max_length=MOST)

    def command(self) -> episode.ChangeTeam:
        """What is asked for."""
        return episode.ChangeTeam(
            members=tuple(
                CareMember(one.person_id, one.role, one.since, one.until) for one in self.root
            )
        )


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
