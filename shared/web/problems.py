"""Errors as `application/problem+json` (RFC 9457), the same for every cause."""

import logging
from collections.abc import Sequence
from typing import Any, cast

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.responses import Response

from shared import telemetry
from shared.errors import (
    FieldError,
    HeroicError,
    TooLarge,
    TooManyRequests,
    TooSlow,
    Unauthenticated,
    Unavailable,
)
from shared.web.headers import secure
from shared.web.middleware import TRACEPARENT_KEY, route_template
from shared.web.strictjson import MAX_ERRORS, field_error

PROBLEM_JSON = "application/problem+json"
TYPE_BASE = "urn:heroic:problem:"

log = logging.getLogger(__name__)


def problem(
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    instance: str = "",
    errors: Sequence[FieldError] = (),
    headers: dict[str, str] | None = None,
) -> Response:
    """A problem document as an answer. `detail` must never repeat words of the input."""
    body: dict[str, Any] = {
        "type": TYPE_BASE + code,
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
    }
    if instance:
        body["instance"] = instance
    if errors:
        body["errors"] = [
            {"pointer": one.pointer, "detail": one.detail, "code": one.code} for one in errors
        ]
    if trace_id := telemetry.current_trace_id():
        body["trace_id"] = trace_id
    return Response(msgspec.json.encode(body), status, headers, PROBLEM_JSON)


def heroic_problem(error: HeroicError, instance: str = "") -> Response:
    """The answer to an error of ours."""
    headers: dict[str, str] = {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="heroic"'
    if isinstance(error, Unavailable | TooManyRequests):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, TooLarge | TooSlow):
        # The rest of the body is still to come, and nobody will read it.
        headers["Connection"] = "close"
    return problem(
        error.status,
        error.code,
        error.title,
        error.detail,
        instance=instance,
        errors=error.errors,
        headers=headers,
    )


def install(app: FastAPI) -> None:
    """Answer every error of `app` by a problem document."""
    app.add_exception_handler(HeroicError, _on_heroic)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(Exception, _on_unexpected)


def _instance(request: Request) -> str:
    """The route, not the path: a path may hold what a caller should not have put there."""
    template = route_template(request.scope)
    return f"{request.scope.get('root_path', '')}{template}" if template else ""


async def _on_heroic(request: Request, error: Exception) -> Response:
    known = cast(HeroicError, error)
    if known.status >= 500 and not isinstance(known, Unavailable):
        log.error("request failed: %s", telemetry.describe(known))
    return heroic_problem(known, _instance(request))


async def _on_validation(request: Request, error: Exception) -> Response:
    found = cast(Sequence[ErrorDetails], cast(RequestValidationError, error).errors())
    return problem(
        422,
        "invalid",
        "Invalid input",
        "Something in the parameters is wrong.",
        instance=_instance(request),
        errors=[field_error(one, skip=1) for one in found[:MAX_ERRORS]],
    )


async def on_http(request: Request, error: Exception) -> Response:
    """The answer where the framework refuses: no such route, no such method."""
    known = cast(HTTPException, error)
    codes = {
        400: ("bad_request", "Bad request"),
        404: ("not_found", "Not found"),
        405: ("method_not_allowed", "Method not allowed"),
    }
    code, title = codes.get(known.status_code, ("http", "Request failed"))
    headers = dict(known.headers) if known.headers else None
    return problem(known.status_code, code, title, title + ".", headers=headers)


async def on_http_outside(request: Request, error: Exception) -> Response:
    """The same where no service is asked at all."""
    answer = await on_http(request, error)
    secure(answer.headers, tls=request.app.state.tls)
    return answer


async def _on_unexpected(request: Request, error: Exception) -> Response:
    with telemetry.span("unexpected error", traceparent=request.scope.get(TRACEPARENT_KEY)):
        log.error("unexpected error: %s", telemetry.describe(error))
        answer = problem(
            500, "internal", "Internal error", "Something went wrong here; it has been logged."
        )
    secure(answer.headers, tls=request.app.state.tls)
    return answer
