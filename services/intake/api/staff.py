"""People of the organisation: who there is, what they may do, and who takes over from them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from services.intake.api.answering import answer, path_id
from services.intake.api.models.staff import (
    CaseloadView,
    HandedOverView,
    HandOverModel,
    HandOverView,
    LedView,
    PeopleView,
    PersonModel,
    PersonView,
    RoleModel,
    person_view,
)
from services.intake.api.organisation import as_json, organisations
from services.intake.staff import Staff
from shared.contracts.people import StaffRole
from shared.errors import HeroicError
from shared.security import Principal
from shared.web import Paging, body, page_of, page_response, paging, requires
from shared.web.idempotency import idempotency_key
from shared.web.reach import looked, why_of

router = APIRouter(prefix="/v1", tags=["people"])

Reader = Annotated[Principal, Depends(requires("people.read"))]
Writer = Annotated[Principal, Depends(requires("people.write"))]
CaseloadReader = Annotated[Principal, Depends(requires("people.caseload"))]
HandsOver = Annotated[Principal, Depends(requires("people.hand_over"))]


def _person_id(person_id: Annotated[str, Path()]) -> str:
    return path_id(person_id)


PersonId = Annotated[str, Depends(_person_id)]


@router.post("/people", status_code=201, response_model=PersonView)
async def invite_person(
    request: Request, principal: Writer, person: Annotated[PersonModel, Depends(body(PersonModel))]
) -> Response:
    """A new member of staff."""
    stored = await organisations(request).invite(
        principal.tenant,
        person.name,
        person.email,
        person.roles,
        key=idempotency_key(request, principal),
    )
    return answer(stored)


@router.get("/people", response_model=PeopleView)
async def list_people(
    request: Request, principal: Reader, page: Annotated[Paging, Depends(paging)]
) -> Response:
    """The people, in the order in which they were invited."""
    after = page.after(str) or ""
    found = await _staff(request).page(principal.tenant, after, page.limit + 1)
    people, following = page_of(found, page.limit, lambda one: one.id)
    return page_response([person_view(one).model_dump() for one in people], following, request)


@router.get("/people/{person_id}", response_model=PersonView)
async def get_person(request: Request, principal: Reader, person_id: PersonId) -> Response:
    """One of them."""
    return as_json(person_view(await _staff(request).get(principal.tenant, person_id)))


@router.post("/people/{person_id}/roles", response_model=PersonView)
async def grant_role(
    request: Request,
    principal: Writer,
    person_id: PersonId,
    role: Annotated[RoleModel, Depends(body(RoleModel))],
) -> Response:
    """They have one role more, from the next time that they get a token."""
    found = await _staff(request).grant(principal.tenant, person_id, role.role)
    return as_json(person_view(found))


@router.delete("/people/{person_id}/roles/{role}", response_model=PersonView)
async def revoke_role(
    request: Request, principal: Writer, person_id: PersonId, role: StaffRole
) -> Response:
    """They have one role less, everywhere within five seconds."""
    found = await _staff(request).revoke(principal.tenant, person_id, role)
    return as_json(person_view(found))


@router.post("/people/{person_id}/deactivate", response_model=PersonView)
async def deactivate_person(request: Request, principal: Writer, person_id: PersonId) -> Response:
    """Their access ends for good, everywhere within five seconds. What they lead stays listed."""
    found = await _staff(request).deactivate(principal.tenant, person_id)
    return as_json(person_view(found))


@router.get("/people/{person_id}/caseload", response_model=CaseloadView)
async def get_caseload(
    request: Request, principal: CaseloadReader, person_id: PersonId
) -> Response:
    """The open episodes that they lead, and whether nobody with access leads them."""
    person = await _staff(request).get(principal.tenant, person_id)
    led = await _staff(request).caseload(principal.tenant, person_id)
    await looked(request, principal, {one.client_id for one in led}, why_of(principal))
    items = [
        LedView(episode_id=one.episode_id, client_id=one.client_id, without_lead=not person.active)
        for one in led
    ]
    return as_json(CaseloadView(items=items))


@router.post("/people/{person_id}/hand-over", response_model=HandOverView)
async def hand_over(
    request: Request,
    principal: HandsOver,
    person_id: PersonId,
    to: Annotated[HandOverModel, Depends(body(HandOverModel))],
) -> Response:
    """All open episodes that they lead are led by somebody else from now on."""
    results = await _staff(request).hand_over(principal.tenant, person_id, to.to_person_id)
    await looked(request, principal, {led.client_id for led, _ in results}, why_of(principal))
    items = [
        HandedOverView(
            episode_id=led.episode_id,
            client_id=led.client_id,
            status="refused" if isinstance(result, HeroicError) else "handed_over",
            error=result.code if isinstance(result, HeroicError) else None,
        )
        for led, result in results
    ]
    return as_json(HandOverView(items=items))


def _staff(request: Request) -> Staff:
    staff: Staff = request.app.state.staff
    return staff
