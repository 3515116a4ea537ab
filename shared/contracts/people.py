"""Events of intake about who may do what: organisations, people, roles, teams, machines."""

# ruff: noqa: RUF012 - msgspec gives every Struct its own copy of an empty default.

from datetime import datetime
from typing import ClassVar, Literal

from shared.contracts.events import Event, Private
from shared.contracts.intake import Purpose

StaffRole = Literal["clinician", "supervisor", "operator", "administrator"]
PrincipalKind = Literal["integration", "person", "client"]


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


class TeamFormed(Event, frozen=True, kw_only=True):
    """Stream `organisation-<id>`: a team as it stands from now on (whole, not a difference).

    Supervisors see the clients of the members of the teams that they lead. A team of nobody is
    dissolved.
    """

    type: ClassVar[str] = "heroic.intake.TeamFormed"
    team_id: str
    name: str
    clinic_id: str | None = None
    lead_ids: list[str] = []
    member_ids: list[str] = []


class ConsentPolicySet(Event, frozen=True, kw_only=True):
    """Stream `organisation-<id>`: what holds where a client has not decided, from now on (whole);
    purposes that it does not name keep the defaults of the platform."""

    type: ClassVar[str] = "heroic.intake.ConsentPolicySet"
    defaults: dict[Purpose, bool]


class SignInPolicySet(Event, frozen=True, kw_only=True):
    """Stream `organisation-<id>`: roles whose holders need a second factor, and how many days an
    approved erasure waits."""

    type: ClassVar[str] = "heroic.intake.SignInPolicySet"
    second_factor_roles: list[StaffRole] = []
    erasure_wait_days: int = 7


class IdentityProviderSecret(Private, frozen=True, kw_only=True):
    """By what the platform is known to the identity provider."""

    client_secret: str


class IdentityProviderSet(Event, frozen=True, kw_only=True):
    """Stream `organisation-<id>`: people sign in at an OpenID Connect provider of the
    organisation's own, to which we are `oauth_client_id`; `group_roles` maps its groups to roles.
    An empty issuer switches it off."""

    type: ClassVar[str] = "heroic.intake.IdentityProviderSet"
    issuer: str
    oauth_client_id: str
    group_claim: str = "groups"
    group_roles: dict[str, list[StaffRole]] = {}
    private: IdentityProviderSecret | None = None


class PersonJoined(Event, frozen=True, kw_only=True):
    """Stream `person-<id>`: somebody has taken up the invitation and can sign in."""

    type: ClassVar[str] = "heroic.intake.PersonJoined"
    person_id: str
    how: Literal["password", "provider"]


class RoleGranted(Event, frozen=True, kw_only=True):
    """Stream `person-<id>`: they have one role more."""

    type: ClassVar[str] = "heroic.intake.RoleGranted"
    person_id: str
    role: StaffRole


class RoleRevoked(Event, frozen=True, kw_only=True):
    """Stream `person-<id>`: they have one role less."""

    type: ClassVar[str] = "heroic.intake.RoleRevoked"
    person_id: str
    role: StaffRole


class SignedOut(Event, frozen=True, kw_only=True):
    """Stream `sign-in-<principal id>`: tokens of a principal that were issued before `before` are
    worth nothing any more; with `session_id`, only those of that session."""

    type: ClassVar[str] = "heroic.intake.SignedOut"
    principal_id: str
    principal_kind: PrincipalKind
    before: datetime
    session_id: str | None = None


class IntegrationSecretAdded(Event, frozen=True, kw_only=True):
    """Stream `integration-<id>`: one more secret opens the door, so that they can be rotated."""

    type: ClassVar[str] = "heroic.intake.IntegrationSecretAdded"
    integration_id: str
    secret_id: str
    secret_hash: str


class IntegrationSecretRemoved(Event, frozen=True, kw_only=True):
    """Stream `integration-<id>`: a secret opens nothing any more; the first one has the id of the
    integration itself."""

    type: ClassVar[str] = "heroic.intake.IntegrationSecretRemoved"
    integration_id: str
    secret_id: str


class IntegrationKeysSet(Event, frozen=True, kw_only=True):
    """Stream `integration-<id>`: the public keys (a JWK set in JSON) that sign its assertions from
    now on; empty: none."""

    type: ClassVar[str] = "heroic.intake.IntegrationKeysSet"
    integration_id: str
    jwks: str
