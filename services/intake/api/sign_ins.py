"""Ways in by API: one's own sessions, links for people, codes for clients."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from services.intake.api.answering import ClientId, handlers_of, path_id
from services.intake.api.models.sign_ins import (
    CodeModel,
    CodeView,
    LinkModel,
    LinkView,
    SignInsView,
    SignInView,
)
from services.intake.intents import Look, Ref
from services.intake.people.links import Purpose
from services.intake.people.signing_in import SigningIn
from shared.errors import Conflict
from shared.security import Principal
from shared.web import body, requires
from shared.web.reach import looked, reach

router = APIRouter(prefix="/v1", tags=["sign-in"])

Own = Annotated[Principal, Depends(requires("session.own"))]


@router.get("/sign-ins", response_model=SignInsView)
async def list_sign_ins(request: Request, principal: Own) -> Response:
    """Where one is signed in, the newest first."""
    found = await _parts(request).sessions.list_of(principal)
    items = [
        SignInView(
            id=one.session_id,
            created_at=one.created_at,
            last_seen_at=one.last_seen_at,
            user_agent=one.user_agent,
            current=one.session_id == principal.session,
        )
        for one in found
    ]
    return _json(SignInsView(items=items))


@router.delete("/sign-ins", status_code=204)
async def sign_out_everywhere(request: Request, principal: Own) -> Response:
    """End all of one's sessions; tokens of before are worth nothing any more."""
    await _parts(request).sessions.end_all(principal)
    return Response(status_code=204)


@router.delete("/sign-ins/{session_id}", status_code=204)
async def sign_out(
    request: Request, principal: Own, session_id: Annotated[str, Path()]
) -> Response:
    """End one of one's own sessions."""
    await _parts(request).sessions.end(principal, path_id(session_id))
    return Response(status_code=204)


@router.post("/people/{person_id}/sign-in-links", status_code=201, response_model=LinkView)
async def make_link(
    request: Request,
    principal: Annotated[Principal, Depends(requires("people.sign_in"))],
    person_id: Annotated[str, Path()],
    asked: Annotated[LinkModel, Depends(body(LinkModel))],
) -> Response:
    """A one-time link: to take up the invitation, or to choose a new password."""
    parts, tenant = _parts(request), principal.tenant
    person = await parts.persons.get(tenant, path_id(person_id))
    if not person.active:
        raise Conflict("This person has no access any more.")
    purpose: Purpose = "reset" if person.joined else "invite"
    if asked.forget_second_factor:
        await parts.accounts.forget_totp(tenant, person.id)
    token, expires_at = await parts.links.make(tenant, purpose, person.id)
    url = parts.link_url(tenant, token)
    return _json(LinkView(url=url, purpose=purpose, expires_at=expires_at), 201)


@router.post("/clients/{client_id}/sign-in-codes", status_code=201, response_model=CodeView)
async def make_code(
    request: Request,
    principal: Annotated[Principal, Depends(requires("clients.sign_in"))],
    client_id: ClientId,
    asked: Annotated[CodeModel, Depends(body(CodeModel))],
) -> Response:
    """A one-time code by which the client, or somebody close to them, signs in."""
    parts, tenant, ref = _parts(request), principal.tenant, Ref(id=client_id)
    reached = await reach(request, principal, client_id)
    # Whoever reaches the whole organisation reaches nobody of whom it has never heard.
    (await handlers_of(request).look(tenant, Look(client=ref))).client(ref)
    await looked(request, principal, [client_id], reached.why)
    code, expires_at = await parts.clients.issue(
        tenant, client_id, asked.related_id, forget_pin=asked.forget_pin
    )
    url = f"{parts.public_url}/intake/o/{tenant}/client"
    return _json(CodeView(code=code, url=url, expires_at=expires_at), 201)


def _parts(request: Request) -> SigningIn:
    parts: SigningIn = request.app.state.signing_in
    return parts


def _json(view: LinkView | CodeView | SignInsView, status: int = 200) -> Response:
    return Response(view.model_dump_json().encode(), status, media_type="application/json")
