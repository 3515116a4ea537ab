"""How clients and those close to them sign in: a one-time code from the clinic, then a PIN."""

from fastapi import Request
from starlette.responses import Response

from services.intake.pages.shell import (
    OrganisationId,
    address_of,
    asked_next,
    let_in,
    pages,
    signing_in,
)
from services.intake.people.clients import SignedIn
from shared.errors import Conflict, Invalid
from shared.web.html import PUBLIC, PublicForm, page_router

router = page_router()

NO_CODE = "This code is not right, was used already, or has ended."
NOT_RIGHT = "The contact or code, or the PIN, is not right."
NAME_CHARS = 254


@router.get("/o/{organisation_id}/client", openapi_extra=PUBLIC)
async def ask(request: Request, organisation_id: OrganisationId) -> Response:
    """The two forms: with a code for the first time, or with a PIN."""
    return await _form(request, organisation_id, asked_next(request))


@router.post("/o/{organisation_id}/client/code", openapi_extra=PUBLIC)
async def by_code(
    request: Request, organisation_id: OrganisationId, fields: PublicForm
) -> Response:
    """A code: choose a PIN; where there is one, it is asked for."""
    code, target = fields.get("code", "")[:NAME_CHARS], asked_next(request, fields)
    who = await _of_code(request, organisation_id, code)
    if who is None:
        return await _form(request, organisation_id, target, wrong_code=NO_CODE)
    if await signing_in(request).clients.has_pin(organisation_id, who.principal_id):
        return await _form(request, organisation_id, target, name=code)
    return await _choose(request, organisation_id, code, target)


@router.post("/o/{organisation_id}/client/pin", openapi_extra=PUBLIC)
async def choose(request: Request, organisation_id: OrganisationId, fields: PublicForm) -> Response:
    """Spend the code on a PIN, and be signed in."""
    code, target = fields.get("code", "")[:NAME_CHARS], asked_next(request, fields)
    if await _of_code(request, organisation_id, code) is None:
        return await _form(request, organisation_id, target, wrong_code=NO_CODE)
    pin, contact = fields.get("pin", ""), fields.get("contact", "")[:NAME_CHARS]
    if pin != fields.get("again", ""):
        wrong = "The two PINs are not the same."
        return await _choose(request, organisation_id, code, target, wrong=wrong)
    try:
        who = await signing_in(request).clients.choose_pin(organisation_id, code, pin, contact)
    except (Invalid, Conflict) as error:
        return await _choose(request, organisation_id, code, target, wrong=error.detail)
    if who is None:
        return await _form(request, organisation_id, target, wrong_code=NO_CODE)
    return await let_in(request, organisation_id, who.principal_id, target, client_id=who.client_id)


@router.post("/o/{organisation_id}/client", openapi_extra=PUBLIC)
async def by_pin(request: Request, organisation_id: OrganisationId, fields: PublicForm) -> Response:
    """Sign in by a contact or a code, and the PIN."""
    parts = signing_in(request)
    await parts.persons.organisation(organisation_id)
    name, target = fields.get("name", "")[:NAME_CHARS], asked_next(request, fields)
    who = await parts.clients.sign_in(organisation_id, name, fields.get("pin", ""))
    if who is None:
        await parts.attempts.failed(address_of(request))
        return await _form(request, organisation_id, target, wrong=NOT_RIGHT)
    return await let_in(request, organisation_id, who.principal_id, target, client_id=who.client_id)


async def _of_code(request: Request, tenant: str, code: str) -> SignedIn | None:
    """Whose code it is; guesses are counted by where they come from."""
    parts = signing_in(request)
    await parts.persons.organisation(tenant)
    address = address_of(request)
    await parts.attempts.count(tenant, "codes", address)
    who = await parts.clients.of_code(tenant, code)
    if who is not None:
        await parts.attempts.forget(tenant, "codes", address)
    return who


async def _form(
    request: Request,
    tenant: str,
    target: str,
    *,
    name: str = "",
    wrong: str = "",
    wrong_code: str = "",
) -> Response:
    organisation = await signing_in(request).persons.organisation(tenant)
    return pages.show(
        request,
        "client.html",
        status=401 if wrong or wrong_code else 200,
        organisation=organisation.name,
        action=f"/intake/o/{tenant}/client",
        name=name,
        next=target,
        wrong=wrong,
        wrong_code=wrong_code,
    )


async def _choose(
    request: Request, tenant: str, code: str, target: str, *, wrong: str = ""
) -> Response:
    organisation = await signing_in(request).persons.organisation(tenant)
    return pages.show(
        request,
        "client_pin.html",
        status=422 if wrong else 200,
        organisation=organisation.name,
        action=f"/intake/o/{tenant}/client/pin",
        code=code,
        next=target,
        wrong=wrong,
    )
