"""The organisation: its clinics, its teams, and what it decides for all of them."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel
from starlette.responses import Response

from services.intake.api.answering import answer, path_id
from services.intake.api.models.organisation import (
    ClinicModel,
    ClinicsView,
    ClinicView,
    ConsentPolicyModel,
    IdentityProviderModel,
    OrganisationView,
    SignInPolicyModel,
    TeamModel,
    TeamsView,
    TeamView,
    clinic_view,
    organisation_view,
    team_view,
)
from services.intake.domain.organisation import Organisation, SignInPolicy
from services.intake.organisations import Organisations
from shared.errors import FieldError, Invalid, NotFound
from shared.ids import new_id
from shared.security import Principal
from shared.web import body, requires
from shared.web.idempotency import idempotency_key

router = APIRouter(prefix="/v1", tags=["organisation"])

Reader = Annotated[Principal, Depends(requires("people.read"))]
Writer = Annotated[Principal, Depends(requires("organisation.write"))]


def _team_id(team_id: Annotated[str, Path()]) -> str:
    return path_id(team_id)


TeamId = Annotated[str, Depends(_team_id)]


@router.get("/organisation", response_model=OrganisationView)
async def get_organisation(request: Request, principal: Reader) -> Response:
    """The organisation and its policies."""
    return as_json(organisation_view(await organisations(request).get(principal.tenant)))


@router.put("/organisation/consent-policy", response_model=OrganisationView)
async def set_consent_policy(
    request: Request,
    principal: Writer,
    policy: Annotated[ConsentPolicyModel, Depends(body(ConsentPolicyModel))],
) -> Response:
    """What holds for clients who have not decided, from now on."""
    stored = await organisations(request).set_consents(
        principal.tenant, dict(policy.defaults), _shown, key=idempotency_key(request, principal)
    )
    return answer(stored)


@router.put("/organisation/sign-in-policy", response_model=OrganisationView)
async def set_sign_in_policy(
    request: Request,
    principal: Writer,
    policy: Annotated[SignInPolicyModel, Depends(body(SignInPolicyModel))],
) -> Response:
    """Whose holders need a second factor, and how long an approved erasure waits, from now on."""
    stored = await organisations(request).set_sign_in(
        principal.tenant,
        SignInPolicy(
            second_factor_roles=sorted(set(policy.second_factor_roles)),
            erasure_wait_days=policy.erasure_wait_days,
        ),
        _shown,
        key=idempotency_key(request, principal),
    )
    return answer(stored)


@router.put("/organisation/identity-provider", response_model=OrganisationView)
async def set_identity_provider(
    request: Request,
    principal: Annotated[Principal, Depends(requires("organisation.provider"))],
    provider: Annotated[IdentityProviderModel, Depends(body(IdentityProviderModel))],
) -> Response:
    """Where people sign in from now on; its secret is kept sealed and never shown."""
    if request.app.state.tls and provider.issuer.startswith("http:"):
        raise Invalid(errors=[FieldError("/issuer", "An https address is needed.", "invalid")])
    stored = await organisations(request).set_provider(
        principal.tenant, provider.provider(), _shown, key=idempotency_key(request, principal)
    )
    return answer(stored)


@router.post("/clinics", status_code=201, response_model=ClinicView)
async def open_clinic(
    request: Request, principal: Writer, clinic: Annotated[ClinicModel, Depends(body(ClinicModel))]
) -> Response:
    """A new place of work."""
    stored = await organisations(request).open_clinic(
        principal.tenant,
        clinic.name,
        clinic.timezone,
        key=idempotency_key(request, principal),
    )
    return answer(stored)


@router.get("/clinics", response_model=ClinicsView)
async def list_clinics(request: Request, principal: Reader) -> Response:
    """All clinics, the oldest first."""
    found = (await organisations(request).get(principal.tenant)).clinics
    return as_json(ClinicsView(items=[clinic_view(one) for one in found.values()]))


@router.post("/teams", status_code=201, response_model=TeamView)
async def form_team(
    request: Request, principal: Writer, team: Annotated[TeamModel, Depends(body(TeamModel))]
) -> Response:
    """A new team. Who leads it sees the clients of its members."""
    stored = await organisations(request).form_team(
        principal.tenant, team.team(new_id()), 201, key=idempotency_key(request, principal)
    )
    return answer(stored)


@router.put("/teams/{team_id}", response_model=TeamView)
async def change_team(
    request: Request,
    principal: Writer,
    team_id: TeamId,
    team: Annotated[TeamModel, Depends(body(TeamModel))],
) -> Response:
    """The team as it is from now on; one of nobody is dissolved."""
    if team_id not in (await organisations(request).get(principal.tenant)).teams:
        raise NotFound("There is no such team.")
    stored = await organisations(request).form_team(
        principal.tenant, team.team(team_id), 200, key=idempotency_key(request, principal)
    )
    return answer(stored)


@router.get("/teams", response_model=TeamsView)
async def list_teams(request: Request, principal: Reader) -> Response:
    """All teams that have anybody in them, the oldest first."""
    found = (await organisations(request).get(principal.tenant)).teams.values()
    standing = [one for one in found if one.lead_ids or one.member_ids]
    return as_json(TeamsView(items=[team_view(one) for one in standing]))


def organisations(request: Request) -> Organisations:
    """The organisations of this process."""
    found: Organisations = request.app.state.organisations
    return found


def as_json(view: BaseModel, status: int = 200) -> Response:
    """A view as an answer."""
    return Response(view.model_dump_json(), status, media_type="application/json")


def _shown(organisation: Organisation) -> bytes:
    return msgspec.json.encode(organisation_view(organisation).model_dump(mode="json"))
