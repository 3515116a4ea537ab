"""Errors of the token endpoint: problem documents in which OAuth clients find their `error`."""

import msgspec
from fastapi import FastAPI, Request
from starlette.responses import Response

from shared.errors import BadRequest, HeroicError, Unauthenticated
from shared.web.problems import PROBLEM_JSON, heroic_problem


class InvalidClient(Unauthenticated):
    """The client is unknown, revoked, or did not prove that it is the one."""

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


class UnsupportedTokenType(BadRequest):
    """Only access tokens are issued, so nothing else can be revoked."""

    code, title = "unsupported_token_type", "Token not supported"


class InvalidGrant(BadRequest):
    """The token is another client's."""

    code, title = "invalid_grant", "Another client's token"


def install(app: FastAPI) -> None:
    """Name OAuth's own word for each of these errors beside ours."""
    for kind in (
        InvalidClient,
        InvalidScope,
        InvalidRequest,
        UnsupportedGrantType,
        UnsupportedTokenType,
        InvalidGrant,
    ):
        app.add_exception_handler(kind, _answer)


async def _answer(request: Request, error: Exception) -> Response:
    if not isinstance(error, HeroicError):
        raise error
    plain = heroic_problem(error)
    document = msgspec.json.decode(plain.body)
    document |= {"error": error.code, "error_description": error.detail}
    headers = {name: value for name, value in plain.headers.items() if name == "www-authenticate"}
    return Response(msgspec.json.encode(document), plain.status_code, headers, PROBLEM_JSON)
