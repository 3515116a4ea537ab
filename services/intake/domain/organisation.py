"""An organisation: its clinics and teams, what it leaves to consent, and how people get in."""

from collections.abc import Iterable

import msgspec

from shared.contracts import Event
from shared.contracts.intake import Purpose
from shared.contracts.people import (
    ClinicOpened,
    ConsentPolicySet,
    IdentityProviderSecret,
    IdentityProviderSet,
    OrganisationRegistered,
    SignInPolicySet,
    StaffRole,
    TeamFormed,
)
from shared.errors import Conflict, FieldError, Invalid


class Clinic(msgspec.Struct, frozen=True, kw_only=True):
    """A place of work."""

    id: str
    name: str
    timezone: str


class Team(msgspec.Struct, frozen=True, kw_only=True):
    """Who works together; supervisors see the clients of the members of teams that they lead."""

    id: str
    name: str
    clinic_id: str | None = None
    lead_ids: list[str] = []
    member_ids: list[str] = []


class IdentityProvider(msgspec.Struct, frozen=True, kw_only=True):
    """Where people of the organisation sign in by OpenID Connect."""

    issuer: str
    client_id: str
    group_claim: str = "groups"
    group_roles: dict[str, list[StaffRole]] = {}
    client_secret: str | None = None


class SignInPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Roles that need a second factor, and how many days an approved erasure waits."""

    second_factor_roles: list[StaffRole] = []
    erasure_wait_days: int = 7


class Organisation(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation as it stands; clinics and teams by their ids."""

    id: str
    name: str
    clinics: dict[str, Clinic] = {}
    teams: dict[str, Team] = {}
    consents: dict[Purpose, bool] = {}
    sign_in: SignInPolicy = SignInPolicy()
    provider: IdentityProvider | None = None


def register(organisation: Organisation | None, organisation_id: str, name: str) -> list[Event]:
    """A new organisation."""
    if organisation is not None:
        raise Conflict("The organisation is registered already.")
    return [OrganisationRegistered(organisation_id=organisation_id, name=name)]


def open_clinic(organisation: Organisation, clinic: Clinic) -> list[Event]:
    """A new clinic of the organisation."""
    return [ClinicOpened(clinic_id=clinic.id, name=clinic.name, timezone=clinic.timezone)]


def form_team(organisation: Organisation, team: Team) -> list[Event]:
    """A team as it is from now on, new or known; nothing where it is so already.

    Raises Invalid for a clinic that the organisation does not have. That its people are known is
    for the caller to see.
    """
    if team.clinic_id is not None and team.clinic_id not in organisation.clinics:
        raise Invalid(errors=[FieldError("/clinic_id", "There is no such clinic.", "unknown")])
    if organisation.teams.get(team.id) == team:
        return []
    return [
        TeamFormed(
            team_id=team.id,
            name=team.name,
            clinic_id=team.clinic_id,
            lead_ids=team.lead_ids,
            member_ids=team.member_ids,
        )
    ]


def set_consents(organisation: Organisation, defaults: dict[Purpose, bool]) -> list[Event]:
    """What holds for clients who have not decided, from now on."""
    return [] if organisation.consents == defaults else [ConsentPolicySet(defaults=defaults)]


def set_sign_in(organisation: Organisation, policy: SignInPolicy) -> list[Event]:
    """Who needs a second factor, from now on."""
    if organisation.sign_in == policy:
        return []
    return [
        SignInPolicySet(
            second_factor_roles=policy.second_factor_roles,
            erasure_wait_days=policy.erasure_wait_days,
        )
    ]


def set_provider(organisation: Organisation, provider: IdentityProvider | None) -> list[Event]:
    """Where people sign in from now on; None: here alone.

    A provider without a secret keeps the one that is known for the same issuer and client id;
    Invalid where there is none.
    """
    known = organisation.provider
    if provider is None:
        return [] if known is None else [IdentityProviderSet(issuer="", oauth_client_id="")]
    same_client = known is not None and (known.issuer, known.client_id) == (
        provider.issuer,
        provider.client_id,
    )
    if provider.client_secret is None and known is not None and same_client:
        provider = msgspec.structs.replace(provider, client_secret=known.client_secret)
    if provider == known:
        return []
    secret = provider.client_secret
    if secret is None:
        raise Invalid(errors=[FieldError("/client_secret", "A secret is needed.", "missing")])
    return [
        IdentityProviderSet(
            issuer=provider.issuer,
            oauth_client_id=provider.client_id,
            group_claim=provider.group_claim,
            group_roles=provider.group_roles,
            private=IdentityProviderSecret(client_secret=secret),
        )
    ]


def fold(events: Iterable[Event], organisation: Organisation | None = None) -> Organisation | None:
    """The organisation after `events`."""
    for event in events:
        if isinstance(event, OrganisationRegistered):
            organisation = Organisation(id=event.organisation_id, name=event.name)
        elif organisation is not None:
            organisation = msgspec.structs.replace(organisation, **_changes(organisation, event))
    return organisation


def _changes(organisation: Organisation, event: Event) -> dict[str, object]:
    match event:
        case ClinicOpened():
            clinic = Clinic(id=event.clinic_id, name=event.name, timezone=event.timezone)
            return {"clinics": {**organisation.clinics, clinic.id: clinic}}
        case TeamFormed():
            team = Team(
                id=event.team_id,
                name=event.name,
                clinic_id=event.clinic_id,
                lead_ids=event.lead_ids,
                member_ids=event.member_ids,
            )
            return {"teams": {**organisation.teams, team.id: team}}
        case ConsentPolicySet():
            return {"consents": event.defaults}
        case SignInPolicySet():
            policy = SignInPolicy(
                second_factor_roles=event.second_factor_roles,
                erasure_wait_days=event.erasure_wait_days,
            )
            return {"sign_in": policy}
        case IdentityProviderSet():
            return {"provider": _provider(event) if event.issuer else None}
    return {}


def _provider(event: IdentityProviderSet) -> IdentityProvider:
    return IdentityProvider(
        issuer=event.issuer,
        client_id=event.oauth_client_id,
        group_claim=event.group_claim,
        group_roles=event.group_roles,
        client_secret=event.private.client_secret if event.private else None,
    )
