"""The OpenAPI document: what FastAPI finds, the bodies and scopes of ours, one Problem schema."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol, runtime_checkable

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import RouteContext, iter_route_contexts

from shared.security.principal import SCOPES
from shared.web.auth import CSRF_HEADER, TOKEN_COOKIE, bound_name

PUBLIC = "public"
"""Said by routes that anybody may call: `openapi_extra={"x-permission": PUBLIC}`. Each of them
stands in `shared.security.public`, with the reason."""

PROBLEM_STATUSES = {
    "400": "The request cannot be read.",
    "401": "No token, or a bad one.",
    "403": "Not within the caller's scopes.",
    "404": "There is no such thing for this caller.",
    "409": "The state of the thing does not allow this.",
    "410": "It has been erased.",
    "412": "`If-Match` names another version.",
    "413": "Too large.",
    "415": "Not of a type that this call reads.",
    "422": "Something in the input is wrong.",
    "429": "Over a rate limit.",
    "503": "Something that this call needs is away; nothing was written.",
}
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "instance": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail", "code"],
                "properties": {
                    "pointer": {"type": "string"},
                    "detail": {"type": "string"},
                    "code": {"type": "string"},
                },
            },
        },
        "trace_id": {"type": "string"},
    },
}
HEADERS_OF_CHANGES = [
    {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "The same key and request again: the same answer, nothing done twice.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
    }
]


@runtime_checkable
class Documented(Protocol):
    """A dependency that describes itself."""

    def document(self, operation: dict[str, Any], schemas: dict[str, Any]) -> None: ...


class Declared(NamedTuple):
    """A route, and what it says of who may use it: permissions, or that it is `public`."""

    method: str
    path: str
    permissions: frozenset[str]


def declared(app: FastAPI) -> Iterator[Declared]:
    """Every route of `app`, also those that its document does not show."""
    for route in iter_route_contexts(app.routes):
        said: dict[str, Any] = {}
        for dependency in _documented(route):
            operation: dict[str, Any] = {}
            dependency.document(operation, {})
            if permission := operation.get("x-permission"):
                said[permission] = True
        extra = getattr(route, "openapi_extra", None) or {}
        if extra.get("x-permission") == PUBLIC:
            said[PUBLIC] = True
        # A route that answers GET answers HEAD too; a mounted application answers whatever comes.
        for method in sorted((route.methods or {"*"}) - {"HEAD"}):
            yield Declared(method, route.path_format or route.path or "", frozenset(said))


def describe(app: FastAPI, service: str, version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of `app`, as callers see it below `/<service>`."""
    document = get_openapi(
        title=app.title,
        version=version,
        description=app.description,
        routes=app.routes,
        servers=[{"url": f"/{service}"}],
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    components["securitySchemes"] = {"oauth2": _machines(), "session": _people(app)}
    for operation, route in _operations(app, document):
        operation.get("responses", {}).pop("422", None)
        for dependency in _documented(route):
            dependency.document(operation, schemas)
        for status, meaning in PROBLEM_STATUSES.items():
            operation["responses"].setdefault(status, _problem(meaning))
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = PROBLEM_SCHEMA
    return document


def _operations(
    app: FastAPI, document: dict[str, Any]
) -> Iterator[tuple[dict[str, Any], RouteContext]]:
    paths = document.get("paths", {})
    for route in iter_route_contexts(app.routes):
        for method in route.methods or ():
            operation = paths.get(route.path_format or route.path, {}).get(method.lower())
            if operation is not None:
                yield operation, route


def _documented(route: RouteContext) -> Iterator[Documented]:
    dependant: Dependant | None = getattr(route, "dependant", None)
    below = list(dependant.dependencies) if dependant else []
    while below:
        one = below.pop(0)
        below += one.dependencies
        if isinstance(one.call, Documented):
            yield one.call


def _problem(meaning: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": meaning, "content": {"application/problem+json": {"schema": schema}}}


def _machines() -> dict[str, Any]:
    flow = {"tokenUrl": "/intake/oauth/token", "scopes": dict.fromkeys(SCOPES, "")}
    return {"type": "oauth2", "flows": {"clientCredentials": flow}}


def _people(app: FastAPI) -> dict[str, Any]:
    said = f"Set by signing in. What changes something must repeat its `csrf` in {CSRF_HEADER}."
    name = bound_name(TOKEN_COOKIE, tls=app.state.tls)
    return {"type": "apiKey", "in": "cookie", "name": name, "description": said}
