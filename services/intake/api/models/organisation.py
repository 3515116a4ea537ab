"""An organisation's clinics, teams and policies."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints

from services.intake.domain.organisation import Clinic, IdentityProvider, Organisation, Team
from shared.contracts.intake import Purpose
from shared.contracts.people import StaffRole
from shared.web import ApiModel, Id, Name


def _address(value: str) -> str:
    parts = urlsplit(value)
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain:
        raise ValueError("The address of an issuer is needed, such as https://login.example.org.")
    return value


Issuer = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,500}$"), AfterValidator(_address)]
Ids = list[Id]


class ClinicModel(ApiModel):
    """A place of work."""

    name: Name
    timezone: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_+/-]{0,63}$")]


class ClinicView(ClinicModel):
    """A clinic."""

    id: str


class ClinicsView(ApiModel):
    """All clinics."""

    items: list[ClinicView]
    next: None = None


class TeamModel(ApiModel):
    """A team as it is from now on; one of nobody is dissolved."""

    name: Name
    clinic_id: Id | None = None
    lead_ids: Ids = Field(default=[], max_length=500)
    member_ids: Ids = Field(default=[], max_length=500)

    def team(self, team_id: str) -> Team:
        """The team of this id."""
        return Team(
            id=team_id,
            name=self.name,
            clinic_id=self.clinic_id,
            lead_ids=list(dict.fromkeys(self.lead_ids)),
            member_ids=list(dict.fromkeys(self.member_ids)),
        )


class TeamView(ApiModel):
    """A team."""

    id: str
    name: str
    clinic_id: str | None = None
    lead_ids: list[str]
    member_ids: list[str]


class TeamsView(ApiModel):
    """All teams that are not dissolved."""

    items: list[TeamView]
    next: None = None


class ConsentPolicyModel(ApiModel):
    """What holds where a client has not decided; a purpose that is left out: the platform's."""

    defaults: dict[Purpose, bool]


class SignInPolicyModel(ApiModel):
    """Roles that need a second factor, and how many days an approved erasure waits."""

    second_factor_roles: list[StaffRole] = Field(default=[], max_length=4)
    erasure_wait_days: int = Field(default=7, ge=0, le=365)


class IdentityProviderModel(ApiModel):
    """An OpenID Connect provider; an empty issuer switches it off.

    A secret that is left out stays as it is, for the same issuer and client.
    """

    issuer: Issuer | Annotated[str, StringConstraints(max_length=0)]
    client_id: Annotated[str, StringConstraints(pattern=r"^[ -~]{0,200}$")] = ""
    client_secret: Annotated[str, StringConstraints(pattern=r"^[ -~]{1,500}$")] | None = None
    group_claim: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,100}$")] = "groups"
    group_roles: dict[Name, list[StaffRole]] = Field(default={}, max_length=200)

    def provider(self) -> IdentityProvider | None:
        """The provider; None: off."""
        if not self.issuer:
            return None
        return IdentityProvider(
            issuer=self.issuer.rstrip("/"),
            client_id=self.client_id,
            group_claim=self.group_claim,
            group_roles={group: sorted(set(roles)) for group, roles in self.group_roles.items()},
            client_secret=self.client_secret,
        )


class IdentityProviderView(ApiModel):
    """The provider, without its secret."""

    issuer: str
    client_id: str
    group_claim: str
    group_roles: dict[str, list[StaffRole]]


class OrganisationView(ApiModel):
    """An organisation and its policies."""

    id: str
    name: str
    consent_policy: ConsentPolicyModel
    sign_in_policy: SignInPolicyModel
    identity_provider: IdentityProviderView | None = None


def organisation_view(organisation: Organisation) -> OrganisationView:
    """An organisation as callers see it: no secret is in it."""
    provider = organisation.provider
    policy = organisation.sign_in
    return OrganisationView(
        id=organisation.id,
        name=organisation.name,
        consent_policy=ConsentPolicyModel(defaults=organisation.consents),
        sign_in_policy=SignInPolicyModel(
            second_factor_roles=policy.second_factor_roles,
            erasure_wait_days=policy.erasure_wait_days,
        ),
        identity_provider=_provider_view(provider) if provider else None,
    )


def _provider_view(provider: IdentityProvider) -> IdentityProviderView:
    return IdentityProviderView(
        issuer=provider.issuer,
        client_id=provider.client_id,
        group_claim=provider.group_claim,
        group_roles=provider.group_roles,
    )


def clinic_view(clinic: Clinic) -> ClinicView:
    """A clinic as callers see it."""
    return ClinicView(id=clinic.id, name=clinic.name, timezone=clinic.timezone)


def team_view(team: Team) -> TeamView:
    """A team as callers see it."""
    return TeamView(
        id=team.id,
        name=team.name,
        clinic_id=team.clinic_id,
        lead_ids=team.lead_ids,
        member_ids=team.member_ids,
    )
