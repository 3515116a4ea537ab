"""Tokens for machines: OAuth 2 client credentials, their revocation, the keys that verify them."""

from collections.abc import Iterable
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.intake.api.oauth_clients import FORM, Authenticated, authenticate, read_form
from services.intake.api.oauth_errors import (
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    UnsupportedGrantType,
    UnsupportedTokenType,
)
from services.intake.domain.integration import Integration
from services.intake.machines import Machines
from shared.clock import utc_now
from shared.errors import Unauthenticated
from shared.security import Principal, TokenIssuer, TokenVerifier
from shared.security.signing import Signing
from shared.security.tokens import LIFETIME_SECONDS, session_of_secret
from shared.web import ApiModel

GRANT = "client_credentials"
CREDENTIALS = ("client_id", "client_secret", "client_assertion_type", "client_assertion")

router = APIRouter(tags=["tokens"])


class TokenView(ApiModel):
    """A token, its kind, its life in seconds and its scopes."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str


def _public_form(required: str, others: Iterable[str]) -> dict[str, Any]:
    """What OpenAPI is told of an endpoint that takes a form from whoever has credentials."""
    properties = {name: {"type": "string"} for name in (required, *others, *CREDENTIALS)}
    schema = {"type": "object", "required": [required], "properties": properties}
    body = {"required": True, "content": {FORM: {"schema": schema}}}
    return {"x-permission": "public", "requestBody": body}


@router.post(
    "/oauth/token", response_model=TokenView, openapi_extra=_public_form("grant_type", ["scope"])
)
async def issue_token(request: Request) -> Response:
    """A token for an integration, for all its scopes unless it says.

    It proves who it is by a secret (HTTP Basic, or `client_id` and `client_secret`), or by a JWT
    that it signed (`client_assertion`, ES384 or RS384, as SMART backend services).
    """
    form = await read_form(request)
    if form.get("grant_type") != GRANT:
        raise UnsupportedGrantType(f"Only {GRANT} is granted.")
    found = await authenticate(request, form)
    scopes = _granted(found.integration, form.get("scope"))
    issuer: TokenIssuer = request.app.state.issuer
    token = {
        "access_token": issuer.issue(_principal(found, scopes)),
        "token_type": "Bearer",
        "expires_in": LIFETIME_SECONDS,
        "scope": " ".join(sorted(scopes)),
    }
    return Response(msgspec.json.encode(token), media_type="application/json")


@router.post(
    "/oauth/revoke",
    response_model=None,
    responses={200: {"description": "The token is worth nothing any more, if it ever was."}},
    openapi_extra=_public_form("token", ["token_type_hint"]),
)
async def revoke_token(request: Request) -> Response:
    """Every token of the caller that was issued until now is worth nothing any more (RFC 7009).

    In all services within five seconds. A token that is none, or has ended, is answered alike.
    """
    form = await read_form(request)
    if "token" not in form:
        raise InvalidRequest("There is no token in the form.")
    found = await authenticate(request, form)
    if form.get("token_type_hint") == "refresh_token":
        raise UnsupportedTokenType("There are access tokens alone.")
    verifier: TokenVerifier = request.app.state.verifier
    try:
        principal = (await verifier.verify(form["token"])).principal
    except Unauthenticated:
        return Response()
    if (principal.tenant, principal.id) != (found.tenant, found.integration.id):
        raise InvalidGrant("The token was issued to another client.")
    machines: Machines = request.app.state.machines
    await machines.sign_out(found.tenant, found.integration.id, utc_now())
    return Response()


class JwkSetView(ApiModel):
    """Public keys."""

    keys: list[dict[str, str]]


@router.get(
    "/.well-known/jwks.json", response_model=JwkSetView, openapi_extra={"x-permission": "public"}
)
async def jwks(request: Request) -> Response:
    """The public keys that verify tokens: of those in use, those before, and the one to come."""
    keys: Signing = request.app.state.signing_keys
    headers = {"Cache-Control": "public, max-age=60"}
    return Response(keys.public(), headers=headers, media_type="application/json")


def _principal(found: Authenticated, scopes: frozenset[str]) -> Principal:
    # What came by a secret ends with it.
    session = session_of_secret(found.secret_id) if found.secret_id else None
    return Principal(
        tenant=found.tenant,
        id=found.integration.id,
        kind="integration",
        scopes=scopes,
        session=session,
    )


def _granted(integration: Integration, asked: str | None) -> frozenset[str]:
    if asked is None or not asked.strip():
        return integration.scopes
    wanted = frozenset(asked.split())
    if not wanted <= integration.scopes:
        raise InvalidScope("The integration does not hold all of these scopes.")
    return wanted
