"""One-time links: an invitation, a new password, a way in.

Opening one spends nothing: programs that look into messages open every link. A button does.
"""

from typing import Annotated

from fastapi import Path, Request
from starlette.responses import Response

from services.intake.pages.shell import (
    ME,
    OrganisationId,
    address_of,
    let_in,
    pages,
    signing_in,
)
from services.intake.pages.signing_in import go_on
from services.intake.people.joining import Beginning
from services.intake.people.links import Link, Purpose
from shared.errors import Conflict, Gone, Invalid
from shared.web.html import PUBLIC, PublicForm, page_router

router = page_router()

OPENED: tuple[Purpose, ...] = ("invite", "reset", "sign-in")
Token = Annotated[str, Path(max_length=100)]


class LinkEnded(Gone):
    """The link was used, has ended, or never was."""

    code, title = "link_ended", "This link is not good any more"


@router.get("/o/{organisation_id}/links/{token}", openapi_extra=PUBLIC)
async def open_link(request: Request, organisation_id: OrganisationId, token: Token) -> Response:
    """What the link is for, with the form or the button that uses it.

    In a local sample stack a link that signs in does so at once.
    """
    parts = signing_in(request)
    link = await _link(request, organisation_id, token)
    if link.purpose == "sign-in" and parts.sample_links:
        return await _sign_in(request, organisation_id, token)
    return await _show(request, organisation_id, token, link)


@router.post("/o/{organisation_id}/links/{token}", openapi_extra=PUBLIC)
async def use_link(
    request: Request, organisation_id: OrganisationId, token: Token, fields: PublicForm
) -> Response:
    """Use it up: choose the password, or sign in."""
    parts = signing_in(request)
    link = await _link(request, organisation_id, token)
    if link.purpose == "sign-in":
        return await _sign_in(request, organisation_id, token)
    try:
        beginning = await _beginning(request, organisation_id, link, fields)
    except (Invalid, Conflict) as error:
        return await _show(request, organisation_id, token, link, wrong=error.detail)
    if await parts.links.spend(organisation_id, token, link.purpose) is None:
        raise _ended()
    await parts.joining.begin(organisation_id, beginning)
    if link.purpose == "reset":
        # Whoever knew the password of before is out.
        await parts.sessions.end_all_of(organisation_id, link.principal_id, "person")
    return await go_on(request, organisation_id, link.principal_id, ME)


async def _link(request: Request, tenant: str, token: str) -> Link:
    parts = signing_in(request)
    await parts.persons.organisation(tenant)
    link = await parts.links.find(tenant, token, *OPENED)
    if link is None:
        await parts.attempts.failed(address_of(request))
        raise _ended()
    return link


async def _sign_in(request: Request, tenant: str, token: str) -> Response:
    link = await signing_in(request).links.spend(tenant, token, "sign-in")
    if link is None:
        raise _ended()
    return await let_in(request, tenant, link.principal_id, ME, client_id=link.client_id)


async def _beginning(
    request: Request, tenant: str, link: Link, fields: dict[str, str]
) -> Beginning:
    password = fields.get("password", "")
    if password != fields.get("again", ""):
        raise Invalid("The two passwords are not the same.")
    email = fields.get("email")
    return await signing_in(request).joining.check(tenant, link.principal_id, email, password)


async def _show(
    request: Request, tenant: str, token: str, link: Link, *, wrong: str = ""
) -> Response:
    parts = signing_in(request)
    organisation = await parts.persons.organisation(tenant)
    person = await parts.persons.find(tenant, link.principal_id)
    return pages.show(
        request,
        "link.html",
        status=422 if wrong else 200,
        organisation=organisation.name,
        purpose=link.purpose,
        person=person,
        action=f"/intake/o/{tenant}/links/{token}",
        wrong=wrong,
    )


def _ended() -> LinkEnded:
    return LinkEnded("It was used, or it has ended. Ask for a new one where you got it.")
