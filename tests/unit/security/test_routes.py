"""No route without a word on who may use it: a row of the policy, or a reason for anybody."""

import pytest
from fastapi import FastAPI
from starlette.responses import JSONResponse, Response

from deploy.docs.pages import SERVICES, application
from shared.security.policy import POLICY
from shared.security.public import EVERYWHERE, PUBLIC, reason
from shared.web import openapi
from shared.web.openapi import Declared, declared


def wrong(service: str, routes: list[Declared]) -> list[str]:
    """The routes that say nothing, too much, or what nobody has agreed to."""
    found = []
    for route in routes:
        anybody = {openapi.PUBLIC} if reason(service, route.method, route.path) else set()
        known = len(route.permissions) == 1 and route.permissions <= POLICY.keys()
        if not (route.permissions == anybody if anybody else known):
            said = ", ".join(route.permissions) or "nothing"
            found.append(f"{route.method} /{service}{route.path}: {said}")
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_declares_its_permission(service: str) -> None:
    """Add `requires(...)` to the route, or a reason to `shared.security.public`."""
    assert wrong(service, list(declared(application(service)))) == []


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_is_public_that_is_not_there(service: str) -> None:
    there = {f"{route.method} {route.path}" for route in declared(application(service))}
    assert {*EVERYWHERE, *PUBLIC[service]} <= there


@pytest.mark.parametrize("service", SERVICES)
def test_the_document_names_the_permission_of_every_operation(service: str) -> None:
    document = application(service).openapi()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation.get("x-permission"), f"{method} {path}"


async def endpoint() -> Response:
    """Anything."""
    return JSONResponse({})


def test_a_route_that_says_nothing_is_found() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.add_api_route("/v1/open", endpoint)
    app.add_api_route("/v1/said", endpoint, openapi_extra={"x-permission": "public"})
    app.add_route("/v1/plain", endpoint)  # type: ignore[arg-type]
    app.mount("/static", JSONResponse({}))
    found = wrong("intake", list(declared(app)))
    assert [line.split(": ")[0] for line in found] == [
        "GET /intake/v1/open",
        "GET /intake/v1/said",
        "GET /intake/v1/plain",
        "* /intake/static/{path}",
    ]


def test_every_row_of_the_policy_is_asked_for_somewhere() -> None:
    used = {
        name
        for service in SERVICES
        for route in declared(application(service))
        for name in route.permissions
    }
    assert sorted(POLICY.keys() - used) == []
