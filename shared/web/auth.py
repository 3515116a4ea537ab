"""Who calls, and whether they may: `Annotated[Principal, Depends(requires("intake.read"))]`."""

from typing import Any

from fastapi import Request

from shared.errors import Forbidden, Unauthenticated
from shared.security.principal import SCOPES, Principal
from shared.security.tokens import TokenVerifier

ENDS_KEY = "heroic.ends"
"""Where in the request's scope it is said until when the caller may be answered."""


class Requires:
    """A dependency that gives the caller, who must hold a scope."""

    def __init__(self, scope: str) -> None:
        if scope not in SCOPES:
            raise ValueError(f"no such scope: {scope}")
        self._scope = scope

    async def __call__(self, request: Request) -> Principal:
        """The caller: 401 without a good token, 403 without the scope."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("A bearer token is needed.")
        verifier: TokenVerifier = request.app.state.verifier
        principal, request.scope[ENDS_KEY] = await verifier.verify_until(token.strip())
        if self._scope not in principal.scopes:
            raise Forbidden(f"The scope {self._scope} is needed.")
        return principal

    def document(self, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
        """Describe what is needed in OpenAPI."""
        operation["security"] = [{"oauth2": [self._scope]}]


def token_ends(request: Request) -> float:
    """When the caller's token ends, in seconds since the epoch; for what `requires` a caller."""
    ends: float = request.scope[ENDS_KEY]
    return ends


def requires(scope: str) -> Requires:
    """The caller, if they hold `scope`."""
    return Requires(scope)
