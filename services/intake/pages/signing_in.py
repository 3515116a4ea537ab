"""Signing in: where, by what, the second factor, and renewing a session while it goes on."""

from typing import Annotated
from urllib.parse import quote

from fastapi import Query, Request
from starlette.responses import Response

from services.intake.domain.organisation import Organisation
from services.intake.domain.person import needs_second_factor
from services.intake.pages.shell import (
    ME,
    PLACE_COOKIE,
    SESSION_COOKIE,
    STEP_COOKIE,
    OrganisationId,
    address_of,
    asked_next,
    let_in,
    pages,
    put_session,
    signing_in,
    totp_setup,
)
from services.intake.people import passwords
from services.intake.people.links import LIFETIME
from shared.errors import Unauthenticated
from shared.ids import is_id
from shared.web.auth import SAFE, cookie
from shared.web.html import (
    PUBLIC,
    RENEW,
    PublicForm,
    local_path,
    page_router,
    put_cookie,
    redirect,
)

router = page_router()

NOT_RIGHT = "The address or the password is not right."
NO_CODE = "This code is not right, or was used already. Please wait for the next one."
EMAIL_CHARS = 254


@router.get("/sign-in", openapi_extra=PUBLIC)
async def where(
    request: Request, organisation: Annotated[str | None, Query(max_length=100)] = None
) -> Response:
    """To the organisation where somebody signed in last, or that they name."""
    target = asked_next(request)
    place = organisation.strip().lower() if organisation else cookie(request, PLACE_COOKIE)
    if (path := _place(place, target)) is not None:
        return redirect(path)
    wrong = "This is not the number of an organisation." if organisation else ""
    return pages.show(request, "where.html", next=target, wrong=wrong, status=_status(wrong))


@router.get("/o/{organisation_id}/sign-in", openapi_extra=PUBLIC)
async def ask(request: Request, organisation_id: OrganisationId) -> Response:
    """The form."""
    organisation = await signing_in(request).persons.organisation(organisation_id)
    return _form(request, organisation_id, organisation, asked_next(request))


@router.post("/o/{organisation_id}/sign-in", openapi_extra=PUBLIC)
async def by_password(
    request: Request, organisation_id: OrganisationId, fields: PublicForm
) -> Response:
    """Sign in by address and password. Who is not known gets the same answer, no sooner."""
    parts = signing_in(request)
    organisation = await parts.persons.organisation(organisation_id)
    email, password = fields.get("email", "")[:EMAIL_CHARS], fields.get("password", "")
    target = asked_next(request, fields)
    await parts.attempts.count(organisation_id, "email", email)
    account = await parts.accounts.by_email(organisation_id, email)
    stored = account.password_hash if account is not None else None
    right = await passwords.matches(password[: passwords.MAX_CHARS + 1], stored)
    person = await parts.persons.find(organisation_id, account.person_id) if account else None
    if not right or person is None or not (person.active and person.roles):
        await parts.attempts.failed(address_of(request))
        return _form(request, organisation_id, organisation, target, wrong=NOT_RIGHT)
    await parts.attempts.forget(organisation_id, "email", email)
    return await go_on(request, organisation_id, person.id, target)


async def go_on(request: Request, tenant: str, person_id: str, target: str) -> Response:
    """Somebody has shown who they are: let them in, or ask for the second factor first."""
    parts = signing_in(request)
    person = await parts.persons.get(tenant, person_id)
    organisation = await parts.persons.organisation(tenant)
    account = await parts.accounts.of(tenant, person_id)
    asked = account is not None and account.second_factor
    if not (asked or needs_second_factor(person, organisation.sign_in)):
        return await let_in(request, tenant, person_id, target)
    token, _ = await parts.links.make(tenant, "second-factor", person_id)
    answer = redirect(f"/intake/o/{tenant}/second-factor?next={quote(target, safe='')}")
    seconds = int(LIFETIME["second-factor"].total_seconds())
    put_cookie(answer, request, STEP_COOKIE, token, seconds=seconds)
    return answer


@router.get("/o/{organisation_id}/second-factor", openapi_extra=PUBLIC)
async def ask_code(request: Request, organisation_id: OrganisationId) -> Response:
    """The form of the second factor, which sets it up where there is none yet."""
    return await _ask_code(request, organisation_id, asked_next(request))


@router.post("/o/{organisation_id}/second-factor", openapi_extra=PUBLIC)
async def by_code(
    request: Request, organisation_id: OrganisationId, fields: PublicForm
) -> Response:
    """The second step of signing in; a code is good once."""
    parts = signing_in(request)
    target = asked_next(request, fields)
    token = cookie(request, STEP_COOKIE)
    link = await parts.links.find(organisation_id, token, "second-factor")
    if link is None:
        return redirect(_sign_in_path(organisation_id, target))
    await parts.attempts.count(organisation_id, "second factor", link.principal_id)
    account = await parts.accounts.of(organisation_id, link.principal_id)
    shown = account is not None and await parts.accounts.show_code(
        organisation_id, account, fields.get("code", "")
    )
    if not shown:
        await parts.attempts.failed(address_of(request))
        return await _ask_code(request, organisation_id, target, wrong=NO_CODE)
    if await parts.links.spend(organisation_id, token, "second-factor") is None:
        return redirect(_sign_in_path(organisation_id, target))
    await parts.attempts.forget(organisation_id, "second factor", link.principal_id)
    return await let_in(request, organisation_id, link.principal_id, target)


@router.get("/session/renew", openapi_extra=PUBLIC)
@router.post("/session/renew", openapi_extra=PUBLIC)
async def renew(request: Request) -> Response:
    """A new token for a session that goes on, with the roles of now; then back to `next`.

    Without `next` a script asks: 204, or 401 where the session has ended.
    """
    asked = request.query_params.get("next")
    target = local_path(asked, ME)
    if target.startswith(RENEW):
        target = ME
    known = cookie(request, SESSION_COOKIE)
    try:
        opened = await signing_in(request).sessions.renew(known)
    except Unauthenticated as error:
        if asked is None and request.method not in SAFE:
            return Response(status_code=error.status)
        place = cookie(request, PLACE_COOKIE) or known.partition(".")[0]
        return redirect(_place(place, target) or f"/intake/sign-in?next={quote(target, safe='')}")
    if asked is None and request.method not in SAFE:
        answer = Response(status_code=204)
    else:
        # A form goes back to where it was sent, with what was filled in.
        answer = redirect(target, 303 if request.method in SAFE else 307)
    put_session(request, answer, opened)
    return answer


def _form(
    request: Request, tenant: str, organisation: Organisation, target: str, *, wrong: str = ""
) -> Response:
    return pages.show(
        request,
        "sign_in.html",
        status=_status(wrong),
        organisation=organisation.name,
        organisation_id=tenant,
        provider=organisation.provider is not None,
        next=target,
        wrong=wrong,
    )


async def _ask_code(request: Request, tenant: str, target: str, *, wrong: str = "") -> Response:
    parts = signing_in(request)
    link = await parts.links.find(tenant, cookie(request, STEP_COOKIE), "second-factor")
    if link is None:
        return redirect(_sign_in_path(tenant, target))
    organisation = await parts.persons.organisation(tenant)
    account = await parts.accounts.of(tenant, link.principal_id)
    setup = None
    if account is None or not account.second_factor:
        setup = await totp_setup(request, tenant, link.principal_id, organisation.name)
    return pages.show(
        request,
        "second_factor.html",
        status=_status(wrong),
        organisation=organisation.name,
        action=f"/intake/o/{tenant}/second-factor",
        setup=setup,
        next=target,
        wrong=wrong,
    )


def _status(wrong: str) -> int:
    return 401 if wrong else 200


def _sign_in_path(tenant: str, target: str) -> str:
    return f"/intake/o/{tenant}/sign-in?next={quote(target, safe='')}"


def _place(place: str, target: str) -> str | None:
    """The page on which to sign in at a place; None where it is none."""
    tenant, _, kind = place.partition(".")
    if not is_id(tenant):
        return None
    if kind == "client":
        return f"/intake/o/{tenant}/client?next={quote(target, safe='')}"
    return _sign_in_path(tenant, target)
