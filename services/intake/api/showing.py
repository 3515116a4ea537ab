"""How things become what a caller sees, without what is not for them."""

from services.intake.api.models.clients import ContactModel, IdentifierModel
from services.intake.api.views import (
    CareMemberView,
    ClientView,
    ConsentView,
    EpisodeView,
    RelatedView,
    SessionView,
    View,
    Withheld,
)
from services.intake.domain.client_state import DEFAULT_CONSENTS
from services.intake.domain.episode import Episode
from services.intake.domain.merging import OnePerson
from services.intake.domain.sessions import Session
from services.intake.fulfilling import Outcome
from shared.access import Reached
from shared.access.reach import Why
from shared.clock import utc_now
from shared.contracts.intake import ClientDetails, Contact, Identifier, Purpose
from shared.eventstore.position import encode_position

OTHERS: frozenset[Why] = frozenset({"related"})


def withheld_from(reached: Reached) -> list[Withheld] | None:
    """Why fields are left out for whoever reached a client so."""
    if reached.why in OTHERS:
        return ["related"]
    return None if reached.names else ["supervision"]


def client_view(person: OnePerson, stream: str, version: int, reached: Reached) -> ClientView:
    """A client as whoever reached them sees them."""
    withheld = withheld_from(reached)
    known = person.one.details or ClientDetails()
    # By what a client is found in the world, and their ways to be reached, are nobody else's.
    details = ClientDetails() if withheld else known
    return ClientView(
        id=person.one.id,
        version=version,
        position=encode_position("intake", stream, version),
        withheld=withheld,
        external_id=details.external_id,
        identifiers=None if withheld else [_identifier(one) for one in details.identifiers],
        given_name=known.given_name if reached.why in OTHERS else details.given_name,
        family_name=details.family_name,
        birth_date=details.birth_date,
        sex_for_norms=known.sex_for_norms,
        language=known.language,
        contacts=None if withheld else [_contact(one) for one in details.contacts],
        as_of=person.one.as_of,
        measuring=person.measuring,
        consents={purpose: person.agrees(purpose) for purpose in DEFAULT_CONSENTS},
        consents_decided=[purpose for purpose in DEFAULT_CONSENTS if person.decided(purpose)],
        aliases=[record.id for record in person.records[1:]],
    )


def _identifier(one: Identifier) -> IdentifierModel:
    return IdentifierModel(system=one.system, value=one.value)


def _contact(one: Contact) -> ContactModel:
    return ContactModel(
        channel=one.channel, value=one.value, allowed=one.allowed, quiet_hours=one.quiet_hours
    )


def consent_view(outcome: Outcome, purpose: Purpose) -> ConsentView:
    """The decision about `purpose` that stands after `outcome`."""
    person = outcome.state
    decided = person.one.consent(purpose) if isinstance(person, OnePerson) else None
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


def related_views(person: OnePerson, stream: str, version: int) -> list[RelatedView]:
    """Everybody who is close to a client."""
    return [
        RelatedView(
            id=somebody.id,
            version=version,
            position=encode_position("intake", stream, version),
            client_id=person.one.id,
            relation=somebody.relation,
            name=somebody.name,
            may_see=list(somebody.may_see),
        )
        for record in person.records
        for somebody in record.related.values()
    ]


def related_view(outcome: Outcome, _: Reached) -> RelatedView:
    """Somebody close to a client, as they stand after `outcome`, of which they are the thing."""
    if not isinstance(outcome.state, OnePerson):
        raise TypeError("only clients have people close to them")
    views = related_views(outcome.state, outcome.stream, outcome.version)
    return next(view for view in views if view.id == outcome.id)


def episode_view(episode: Episode, stream: str, version: int, reached: Reached) -> EpisodeView:
    """An episode as whoever reached its client sees it."""
    closing = episode.closing
    withheld = withheld_from(reached)
    return EpisodeView(
        id=episode.id,
        version=version,
        position=encode_position("intake", stream, version),
        withheld=withheld,
        client_id=episode.client_id,
        external_id=None if withheld else episode.opening.external_id,
        age_group=episode.opening.age_group,
        opened_at=episode.opening.opened_at,
        clinician_id=episode.led_by(max(utc_now(), episode.opening.opened_at)),
        clinic_id=episode.opening.clinic_id,
        care_team=[
            CareMemberView.model_validate(
                {"person_id": one.person_id, "role": one.role, "from": one.since, "to": one.until}
            )
            for one in episode.team
        ],
        status=episode.status,
        closed_at=closing.closed_at if closing else None,
        ending=closing.ending if closing else None,
        reason=closing.reason if closing and not withheld else None,
    )


def view_of(outcome: Outcome, reached: Reached) -> View:
    """The thing of an outcome as whoever asked for it sees it."""
    state = outcome.state
    if isinstance(state, OnePerson):
        return client_view(state, outcome.stream, outcome.version, reached)
    if isinstance(state, Episode):
        return episode_view(state, outcome.stream, outcome.version, reached)
    return _session_view(state, outcome)


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
