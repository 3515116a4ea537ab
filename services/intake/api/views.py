"""What callers get: things as they stand."""

from datetime import date, datetime

from services.intake.api.models.clients import ContactModel, IdentifierModel
from services.intake.domain.client import DEFAULT_CONSENTS, Client
from services.intake.domain.client import existing as existing_client
from services.intake.domain.episode import Episode
from services.intake.domain.sessions import Session
from services.intake.fulfilling import Outcome
from shared.contracts.intake import (
    AgeGroup,
    ClientDetails,
    Ending,
    MeasuringState,
    Purpose,
    SessionStatus,
    SessionType,
)
from shared.eventstore.position import encode_position
from shared.web import ApiModel


class View(ApiModel):
    """Base: `version` is also the ETag, `position` is for `min_position` of reads anywhere."""

    id: str
    version: int
    position: str


class ClientView(View):
    """A client."""

    external_id: str | None = None
    identifiers: list[IdentifierModel]
    given_name: str | None = None
    family_name: str | None = None
    birth_date: date | None = None
    sex_for_norms: str | None = None
    language: str | None = None
    contacts: list[ContactModel]
    measuring: MeasuringState
    consents: dict[Purpose, bool]


class ConsentView(View):
    """A decision; `id` is that of the client."""

    client_id: str
    purpose: Purpose
    given: bool
    at: datetime
    given_by: str | None = None
    wording_version: str | None = None


class EpisodeView(View):
    """An episode."""

    client_id: str
    external_id: str | None = None
    kind: str = "individual"
    age_group: AgeGroup
    opened_at: datetime
    clinician_id: str | None = None
    clinic_id: str | None = None
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


def client_view(client: Client, stream: str, version: int) -> ClientView:
    """A client as callers see them; `Gone` once they are erased."""
    details = existing_client(client).details or ClientDetails()
    return ClientView(
        id=client.id,
        version=version,
        position=encode_position("intake", stream, version),
        external_id=details.external_id,
        identifiers=[
            IdentifierModel(system=one.system, value=one.value) for one in details.identifiers
        ],
        given_name=details.given_name,
        family_name=details.family_name,
        birth_date=details.birth_date,
        sex_for_norms=details.sex_for_norms,
        language=details.language,
        contacts=[
            ContactModel(
                channel=one.channel,
                value=one.value,
                allowed=one.allowed,
                quiet_hours=one.quiet_hours,
            )
            for one in details.contacts
        ],
        measuring=client.measuring,
        consents={purpose: client.agrees(purpose) for purpose in DEFAULT_CONSENTS},
    )


def episode_view(episode: Episode, stream: str, version: int) -> EpisodeView:
    """An episode as callers see it."""
    closing = episode.closing
    return EpisodeView(
        id=episode.id,
        version=version,
        position=encode_position("intake", stream, version),
        client_id=episode.client_id,
        external_id=episode.opening.external_id,
        age_group=episode.opening.age_group,
        opened_at=episode.opening.opened_at,
        clinician_id=episode.clinician_id,
        clinic_id=episode.opening.clinic_id,
        status=episode.status,
        closed_at=closing.closed_at if closing else None,
        ending=closing.ending if closing else None,
        reason=closing.reason if closing else None,
    )


def view_of(outcome: Outcome) -> View:
    """The thing of an outcome as callers see it."""
    state = outcome.state
    if isinstance(state, Client):
        return client_view(state, outcome.stream, outcome.version)
    if isinstance(state, Episode):
        return episode_view(state, outcome.stream, outcome.version)
    return _session_view(state, outcome)


def consent_view(outcome: Outcome, purpose: Purpose) -> ConsentView:
    """The decision about `purpose` that stands after `outcome`."""
    client = outcome.state
    decided = client.consent(purpose) if isinstance(client, Client) else None
    if decided is None:
        raise TypeError("only a client decides")
    return ConsentView(
        id=outcome.client_id,
        version=outcome.version,
        position=encode_position("intake", outcome.stream, outcome.version),
        client_id=outcome.client_id,
        purpose=purpose,
        given=decided.given,
        at=decided.at,
        given_by=decided.given_by,
        wording_version=decided.wording_version,
    )


def _session_view(session: Session, outcome: Outcome) -> SessionView:
    facts = session.facts
    return SessionView(
        id=session.id,
        version=outcome.version,
        position=encode_position("intake", outcome.stream, outcome.version),
        episode_id=outcome.episode_id or "",
        client_id=outcome.client_id,
        external_id=session.external_id,
        starts_at=facts.starts_at,
        ends_at=facts.ends_at,
        status=facts.status,
        type=facts.session_type,
        medium=facts.medium,
        entered_in_error=session.in_error,
    )
