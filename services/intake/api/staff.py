"""Clinics and people of the organisation."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.intake.api.answering import Writer, answer
from services.intake.api.models.staff import ClinicModel, PersonModel
from services.intake.organisations import Organisations
from shared.web import body
from shared.web.idempotency import idempotency_key

router = APIRouter(prefix="/v1", tags=["organisation"])


@router.post("/clinics", status_code=201)
async def open_clinic(
    request: Request, principal: Writer, clinic: Annotated[ClinicModel, Depends(body(ClinicModel))]
) -> Response:
    """A new place of work."""
    stored = await _organisations(request).open_clinic(
        principal.tenant,
        clinic.name,
        clinic.timezone,
        key=idempotency_key(request, principal),
    )
    return answer(stored)


@router.post("/people", status_code=201)
async def invite_person(
    request: Request, principal: Writer, person: Annotated[PersonModel, Depends(body(PersonModel))]
) -> Response:
    """A new member of staff."""
    stored = await _organisations(request).invite(
        principal.tenant,
        person.name,
        person.email,
        sorted(set(person.roles)),
        key=idempotency_key(request, principal),
    )
    return answer(stored)


def _organisations(request: Request) -> Organisations:
    organisations: Organisations = request.app.state.organisations
    return organisations
