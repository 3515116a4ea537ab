"""Who calls, and whether they may: `Annotated[Principal, Depends(requires("views.read"))]`.

Machines send a bearer token; who has signed in, the cookie that intake set. Where both come, the
token counts: a page of somebody else can make a browser send the cookie, never the header. For the
same reason what changes something by cookie must come from a page of ours (`Origin`,
`Sec-Fetch-Site`) and repeat the token's `csrf`, in the header `X-CSRF-Token` or in the form's field
`csrf`.
"""

import hmac
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

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
MAX_FORM_FIELDS = 1000
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
        machines = [{"oauth2": [scope]}] if scope else []
        people: list[dict[str, list[str]]] = [{"session": []}] if self.permission.reach else []
        operation["security"] = machines + people
        operation["x-permission"] = self.permission.name


def requires(permission: str) -> Requires:
    """The caller, if they have `permission`, a row of the policy."""
    return Requires(permission)


async def caller(request: Request) -> Verified:
    """Whoever sends the request, by token or by cookie; `Unauthenticated` where that is nobody.

    Raises WrongOrigin for a change by cookie that no page of this session sent.
    """
    header = request.headers.get("authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("A bearer token is needed.")
        verified = await _verified(request, token.strip())
    else:
        verified = await _verified(request, cookie(request, TOKEN_COOKIE))
        if verified.principal.kind == "integration":
            raise Unauthenticated("A machine's token is no session.")
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
    """What a cookie of ours is called where the request came."""
    return bound_name(name, tls=request.app.state.tls)


def bound_name(name: str, *, tls: bool) -> str:
    """With TLS the name of a cookie says that it is bound to this host."""
    return f"__Host-{name}" if tls else name


def origin_of(url: str) -> str:
    """Scheme and host of an address, as browsers say them in `Origin`."""
    parts = urlsplit(url)
    return _origin(parts.scheme, parts.netloc)


def _origin(scheme: str, host: str) -> str:
    port = {"http": ":80", "https": ":443"}.get(scheme, "")
    return f"{scheme}://{host.lower().removesuffix(port)}"


def check_origin(request: Request) -> None:
    """WrongOrigin where the browser says that a page of somebody else sends the request.

    Browsers of before 2020 may say nothing; then it must be known by what the form repeats.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise WrongOrigin
    said = request.headers.get("origin")
    if said is None:
        return
    # A proxy may call us by another name than the browser does, and a person by one more.
    scheme = "https" if request.app.state.tls else "http"
    ours = {request.app.state.origin, _origin(scheme, request.headers.get("host", ""))}
    if not said or said.lower() not in ours:
        raise WrongOrigin


async def _check_csrf(request: Request, principal: Principal) -> None:
    check_origin(request)
    said = request.headers.get(CSRF_HEADER)
    if said is None and media_type(request) == FORM:
        said = _csrf_field(await read_body(request, MAX_FORM_BYTES))
    if not principal.csrf or not said or not same(said, principal.csrf):
        raise WrongOrigin


def _csrf_field(form: bytes) -> str:
    try:
        fields = parse_qs(form.decode(), max_num_fields=MAX_FORM_FIELDS)
    except ValueError as error:
        raise WrongOrigin from error
    # Of two it would not be clear which of them was checked.
    return found[0] if len(found := fields.get(CSRF_FIELD, [])) == 1 else ""


def same(said: str, secret: str) -> bool:
    """Whether both are the same, in a time that does not tell how far they are."""
    return hmac.compare_digest(said.encode(), secret.encode())


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
