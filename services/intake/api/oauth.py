"""Tokens for machines: OAuth 2 client credentials, and the keys that verify them."""

import base64
import binascii
from urllib.parse import parse_qsl, unquote_plus

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.intake import secret_hashes
from services.intake.domain.organisation import Integration
from services.intake.organisations import Organisations
from services.intake.rate_limit import RateLimiter
from shared.errors import BadRequest, Unauthenticated, UnsupportedMediaType
from shared.security import Principal, SigningKeys, TokenIssuer
from shared.security.tokens import LIFETIME_SECONDS
from shared.web import ApiModel, read_body
from shared.web.body import media_type

FORM = "application/x-www-form-urlencoded"
MAX_FORM_BYTES = 16 * 1024
MAX_FIELDS = 20

ATTEMPTS_OF_CLIENT = 600
FAILURES_OF_CLIENT = 20
FAILURES_OF_ADDRESS = 100
"""Limits a minute."""

UNKNOWN = "scrypt$16384$8$1$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
"""No secret has this hash: checked where there is no client, so that it takes as long."""

router = APIRouter(tags=["tokens"])


class TokenView(ApiModel):
    """A token, its kind, its life in seconds and its scopes."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str


class InvalidClient(Unauthenticated):
    """The client is unknown, revoked, or its secret is another."""

    code, title = "invalid_client", "Client not known"


class InvalidScope(BadRequest):
    """More was asked for than the integration holds."""

    code, title = "invalid_scope", "Scope not held"


class InvalidRequest(BadRequest):
    """The request for a token is not one."""

    code, title = "invalid_request", "No request for a token"


class UnsupportedGrantType(BadRequest):
    """Only client credentials are granted."""

    code, title = "unsupported_grant_type", "Grant not supported"


_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            FORM: {
                "schema": {
                    "type": "object",
                    "required": ["grant_type"],
                    "properties": {
                        "grant_type": {"type": "string", "enum": ["client_credentials"]},
                        "client_id": {"type": "string"},
                        "client_secret": {"type": "string"},
                        "scope": {"type": "string"},
                    },
                }
            }
        },
    }
}


@router.post("/oauth/token", response_model=TokenView, openapi_extra=_BODY)
async def issue_token(request: Request) -> Response:
    """A token for an integration, by HTTP Basic or by form; for all its scopes unless it says."""
    form = await _form(request)
    if form.get("grant_type") != "client_credentials":
        raise UnsupportedGrantType("Only client_credentials is granted.")
    client_id, secret = _credentials(request, form)
    tenant, integration = await _authenticate(request, client_id, secret)
    scopes = _granted(integration, form.get("scope"))
    principal = Principal(tenant=tenant, id=integration.id, kind="integration", scopes=scopes)
    issuer: TokenIssuer = request.app.state.issuer
    token = {
        "access_token": issuer.issue(principal),
        "token_type": "Bearer",
        "expires_in": LIFETIME_SECONDS,
        "scope": " ".join(sorted(scopes)),
    }
    return Response(msgspec.json.encode(token), media_type="application/json")


class JwkSetView(ApiModel):
    """Public keys."""

    keys: list[dict[str, str]]


@router.get("/.well-known/jwks.json", response_model=JwkSetView)
async def jwks(request: Request) -> Response:
    """The public keys that verify tokens."""
    keys: SigningKeys = request.app.state.signing_keys
    headers = {"Cache-Control": "public, max-age=60"}
    return Response(keys.public(), headers=headers, media_type="application/json")


async def _form(request: Request) -> dict[str, str]:
    if media_type(request) != FORM:
        raise UnsupportedMediaType(f"The body must be {FORM}.")
    raw = await read_body(request, MAX_FORM_BYTES)
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError as error:
        raise InvalidRequest("The form cannot be read.") from error
    form = dict(pairs)
    if len(form) != len(pairs):
        raise InvalidRequest("A field is there twice.")
    return form


def _credentials(request: Request, form: dict[str, str]) -> tuple[str, str]:
    header = request.headers.get("authorization")
    if header is None:
        return form.get("client_id", ""), form.get("client_secret", "")
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClient("HTTP Basic or the form is needed.")
    if "client_secret" in form:
        raise InvalidRequest("Credentials are given twice.")
    try:
        pair = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise InvalidClient("The credentials cannot be read.") from error
    client_id, _, secret = pair.partition(":")
    return unquote_plus(client_id), unquote_plus(secret)


async def _authenticate(request: Request, client_id: str, secret: str) -> tuple[str, Integration]:
    limiter: RateLimiter = request.app.state.limiter
    organisations: Organisations = request.app.state.organisations
    await limiter.count(f"client {client_id}", ATTEMPTS_OF_CLIENT)
    try:
        tenant, integration = await organisations.integration(client_id)
    except Unauthenticated:
        tenant, integration = "", None
    stored = integration.secret_hash if integration else UNKNOWN
    if await secret_hashes.matches(secret, stored) and integration is not None:
        return tenant, integration
    address = request.client.host if request.client else ""
    await limiter.count(f"failures of client {client_id}", FAILURES_OF_CLIENT)
    await limiter.count(f"failures of address {address}", FAILURES_OF_ADDRESS)
    raise InvalidClient("The client is not known, or its secret is another.")


def _granted(integration: Integration, asked: str | None) -> frozenset[str]:
    if asked is None or not asked.strip():
        return integration.scopes
    wanted = frozenset(asked.split())
    if not wanted <= integration.scopes:
        raise InvalidScope("The integration does not hold all of these scopes.")
    return wanted
