"""The page about oneself: who I am here, where I am signed in, my second factor."""

from typing import Annotated

from fastapi import Depends, Path, Request
from starlette.responses import Response

from services.intake.pages.shell import ME, let_out, pages, signing_in, totp_setup
from services.intake.pages.signing_in import NO_CODE
from shared.errors import Conflict
from shared.security import Principal
from shared.web import requires
from shared.web.html import Form, page_router, redirect

router = page_router()

Own = Annotated[Principal, Depends(requires("session.own"))]
SECOND_FACTOR = f"{ME}/second-factor"


@router.get("/me")
async def me(request: Request, principal: Own) -> Response:
    """Who is signed in, as what and where."""
    parts = signing_in(request)
    organisation = await parts.persons.organisation(principal.tenant)
    person = account = None
    if principal.kind == "person":
        person = await parts.persons.get(principal.tenant, principal.id)
        account = await parts.accounts.of(principal.tenant, principal.id)
    sign_ins = await parts.sessions.list_of(principal)
    return pages.show(
        request,
        "me.html",
        principal=principal,
        organisation=organisation.name,
        person=person,
        roles=sorted(principal.roles),
        sign_ins=sign_ins,
        # Who is close to a client is no client, and was looked at by nobody.
        looked_at=any(one.client_id == principal.id for one in sign_ins),
        second_factor=account is not None and account.second_factor,
        can_set_up=account is not None,
    )


@router.post("/me/sign-out")
async def sign_out(request: Request, principal: Own) -> Response:
    """End this session."""
    if principal.session is not None:
        await signing_in(request).sessions.end(principal, principal.session)
    return let_out(request, principal)


@router.post("/me/sign-out-everywhere")
async def sign_out_everywhere(request: Request, principal: Own) -> Response:
    """End every session."""
    await signing_in(request).sessions.end_all(principal)
    return let_out(request, principal)


@router.post("/me/sign-ins/{session_id}/end")
async def end_one(
    request: Request, principal: Own, session_id: Annotated[str, Path(max_length=64)]
) -> Response:
    """End another session."""
    await signing_in(request).sessions.end(principal, session_id)
    return let_out(request, principal) if session_id == principal.session else redirect(ME)


@router.get("/me/second-factor")
async def ask_second_factor(request: Request, principal: Own) -> Response:
    """Set up the second factor."""
    return await _second_factor(request, principal)


@router.post("/me/second-factor")
async def set_second_factor(request: Request, principal: Own, fields: Form) -> Response:
    """It is in force once a code was shown."""
    parts = signing_in(request)
    await parts.attempts.count(principal.tenant, "second factor", principal.id)
    account = await parts.accounts.of(principal.tenant, principal.id)
    if account is None or account.second_factor:
        raise Conflict("There is nothing to set up.")
    if not await parts.accounts.show_code(principal.tenant, account, fields.get("code", "")):
        return await _second_factor(request, principal, wrong=NO_CODE)
    await parts.attempts.forget(principal.tenant, "second factor", principal.id)
    return redirect(ME)


async def _second_factor(request: Request, principal: Principal, *, wrong: str = "") -> Response:
    parts = signing_in(request)
    organisation = await parts.persons.organisation(principal.tenant)
    account = await parts.accounts.of(principal.tenant, principal.id)
    if account is None or account.second_factor:
        # Another one takes the administrator's word: who found a screen open could set up theirs.
        raise Conflict("There is nothing to set up. To change it, ask an administrator.")
    return pages.show(
        request,
        "second_factor.html",
        principal=principal,
        status=422 if wrong else 200,
        organisation=organisation.name,
        action=SECOND_FACTOR,
        setup=await totp_setup(request, principal.tenant, principal.id, organisation.name),
        next=ME,
        wrong=wrong,
    )
