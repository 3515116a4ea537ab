"""Who calls, and whether they may: `Annotated[Principal, Depends(requires("views.read"))]`.

Machines send a bearer token; who has signed in, the cookie that intake set. A cookie comes along
whoever made the page, so what changes something must also repeat the token's `csrf`, in the header
`X-CSRF-Token` or in the form's field `csrf`.
"""

import hmac
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from fastapi import Request

from shared.access import Gate
from shared.errors import Forbidden, Unauthenticated
from shared.security.policy import POLICY, Permission
from shared.security.principal import Principal
from shared.security.tokens import TokenVerifier, Verified
from shared.web.body import media_type, read_body

ENDS_KEY = "heroic.ends"
"""Where in the request's scope it is said until when the caller may be answered."""
PERMISSION_KEY = "heroic.permission"
"""Where in the request's scope the permission stands that the endpoint asked for."""

TOKEN_COOKIE = "heroic-token"  # noqa: S105 - a name
CSRF_HEADER, CSRF_FIELD = "x-csrf-token", "csrf"
FORM = "application/x-www-form-urlencoded"
MAX_FORM_BYTES = 256 * 1024
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class WrongOrigin(Forbidden):
    """The request does not come from a page of ours."""

    code, title = "csrf", "Not sent by a page of this session"


class Requires:
    """A dependency that gives the caller, who must have a permission."""

    def __init__(self, permission: str) -> None:
        self.permission = POLICY[permission]

    async def __call__(self, request: Request) -> Principal:
        """The caller: 401 without a good token, 403 without the permission."""
        verified = await caller(request)
        principal = verified.principal
        if not principal.reach(self.permission):
            raise Forbidden(_needed(self.permission, principal))
        request.scope[PERMISSION_KEY] = self.permission
        return principal

    def document(self, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
        """Describe what is needed in OpenAPI."""
        scope = self.permission.scope
        operation["security"] = [{"oauth2": [scope]}] if scope else [{"session": []}]
        operation["x-permission"] = self.permission.name


def requires(permission: str) -> Requires:
    """The caller, if they have `permission`, a row of the policy."""
    return Requires(permission)


async def caller(request: Request) -> Verified:
    """Whoever sends the request, by token or by cookie; `Unauthenticated` where that is nobody.

    Raises WrongOrigin for a change by cookie that does not repeat the token's `csrf`.
    """
    header = request.headers.get("authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("A bearer token is needed.")
        verified = await _verified(request, token.strip())
    else:
        verified = await _verified(request, cookie(request, TOKEN_COOKIE))
        if request.method not in SAFE:
            await _check_csrf(request, verified.principal)
    request.scope[ENDS_KEY] = verified.ends
    return verified


async def _verified(request: Request, token: str) -> Verified:
    if not token:
        raise Unauthenticated("A bearer token is needed.")
    verifier: TokenVerifier = request.app.state.verifier
    verified = await verifier.verify(token)
    gate: Gate | None = request.app.state.gate
    if gate is not None:
        await gate.check(verified)
    return verified


def cookie(request: Request, name: str) -> str:
    """A cookie of ours, empty where there is none."""
    return request.cookies.get(cookie_name(request, name), "")


def cookie_name(request: Request, name: str) -> str:
    """With TLS the name of a cookie says that it is bound to this host."""
    return f"__Host-{name}" if request.app.state.tls else name


async def _check_csrf(request: Request, principal: Principal) -> None:
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise WrongOrigin
    said = request.headers.get(CSRF_HEADER)
    if said is None and media_type(request) == FORM:
        fields = parse_qs((await read_body(request, MAX_FORM_BYTES)).decode("utf-8", "replace"))
        said = fields.get(CSRF_FIELD, [""])[0]
    if not principal.csrf or not hmac.compare_digest(
        (said or "").encode(), principal.csrf.encode()
    ):
        raise WrongOrigin


def permission_of(request: Request) -> Permission:
    """The permission that this request's endpoint asked for."""
    found: Permission = request.scope[PERMISSION_KEY]
    return found


def token_ends(request: Request) -> float:
    """When the caller's token ends, in seconds since the epoch; for what `requires` a caller."""
    ends: float = request.scope[ENDS_KEY]
    return ends


def _needed(permission: Permission, principal: Principal) -> str:
    if principal.kind == "integration" and permission.scope is not None:
        return f"The scope {permission.scope} is needed."
    return f"{HTTPStatus.FORBIDDEN.phrase}: {permission.name} is not among what you may do."
