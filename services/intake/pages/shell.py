"""What the pages of intake share: their templates, and letting somebody in."""

from pathlib import Path
from typing import Annotated

import segno
from fastapi import Depends, Request
from starlette.responses import Response

from services.intake.people import totp
from services.intake.people.sessions import LONGEST, Opened
from services.intake.people.signing_in import SigningIn
from shared.errors import Conflict, NotFound
from shared.ids import is_id
from shared.security import Principal
from shared.security.tokens import LIFETIME_SECONDS
from shared.web.auth import TOKEN_COOKIE
from shared.web.html import Pages, drop_cookie, local_path, put_cookie, redirect

ME = "/intake/me"
SESSION_COOKIE = "heroic-session"
STEP_COOKIE = "heroic-step"
PLACE_COOKIE = "heroic-place"
"""Where somebody signed in last: `<organisation>`, or `<organisation>.client`."""
PLACE_SECONDS = 365 * 24 * 3600
UNKNOWN_AGENT = "unknown"

pages = Pages(Path(__file__).with_name("templates"))


def signing_in(request: Request) -> SigningIn:
    """The parts of this process."""
    found: SigningIn = request.app.state.signing_in
    return found


def _organisation_id(organisation_id: str) -> str:
    if not is_id(organisation_id):
        raise NotFound("There is no such organisation.")
    return organisation_id


OrganisationId = Annotated[str, Depends(_organisation_id)]


def address_of(request: Request) -> str:
    """Where the request comes from, as far as this process knows."""
    return request.client.host if request.client else ""


def asked_next(request: Request, fields: dict[str, str] | None = None) -> str:
    """Where somebody wanted to go, a page of ours in any case."""
    asked = fields.get("next") if fields is not None else request.query_params.get("next")
    return local_path(asked, ME)


async def let_in(
    request: Request,
    tenant: str,
    principal_id: str,
    target: str,
    *,
    client_id: str | None = None,
) -> Response:
    """A new session for a person or, with `client_id`, for a client; then to `target`."""
    agent = request.headers.get("user-agent", UNKNOWN_AGENT)
    opened = await signing_in(request).sessions.open(
        tenant, principal_id, "client" if client_id else "person", agent, client_id=client_id
    )
    answer = redirect(target)
    put_session(request, answer, opened)
    put_cookie(
        answer,
        request,
        PLACE_COOKIE,
        f"{tenant}.client" if client_id else tenant,
        seconds=PLACE_SECONDS,
    )
    drop_cookie(answer, request, STEP_COOKIE)
    return answer


def put_session(request: Request, answer: Response, opened: Opened) -> None:
    """The two cookies of a session."""
    seconds = int(LONGEST.total_seconds())
    put_cookie(answer, request, SESSION_COOKIE, opened.cookie, seconds=seconds)
    put_cookie(answer, request, TOKEN_COOKIE, opened.token, seconds=LIFETIME_SECONDS)


def let_out(request: Request, principal: Principal) -> Response:
    """To where somebody may sign in again, without the cookies of the session."""
    place = "client" if principal.kind == "client" else "sign-in"
    answer = redirect(f"/intake/o/{principal.tenant}/{place}")
    drop_cookie(answer, request, SESSION_COOKIE)
    drop_cookie(answer, request, TOKEN_COOKIE)
    return answer


async def totp_setup(
    request: Request, tenant: str, person_id: str, organisation: str
) -> dict[str, str]:
    """What a page shows to set up the second factor: the secret, and the same as a QR code.

    `Conflict` where there is one: nobody is shown the secret of a factor that is in force.
    """
    parts = signing_in(request)
    account = await parts.accounts.of(tenant, person_id)
    if account is None or account.second_factor:
        raise Conflict("There is nothing to set up.")
    secret = await parts.accounts.totp_secret(tenant, account)
    if secret is None:
        secret = await parts.accounts.new_totp(tenant, person_id)
    person = await parts.persons.get(tenant, person_id)
    image = segno.make(totp.address(secret, person.email or person.name, organisation))
    groups = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    return {"secret": groups, "image": image.svg_data_uri(scale=4, light="white")}
