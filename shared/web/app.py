"""The application of a service: errors, health, documents and headers are the same everywhere."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Receive, Scope, Send

from shared import telemetry
from shared.access import Access, Audit, AuditLog, Gate
from shared.security.tokens import TokenVerifier
from shared.settings import ServiceSettings
from shared.web import audit as auditing
from shared.web import openapi, problems
from shared.web.auth import origin_of
from shared.web.docs import DOCS_POLICY, docs_page
from shared.web.middleware import Edge

VERSION = "0.1.0"
ANYBODY = {"x-permission": openapi.PUBLIC}

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
Ready = Callable[[], Awaitable[None]]
"""Returns if the service can do its work; raises `Unavailable` if not."""


def create_api(
    service: str,
    *,
    title: str,
    routers: Sequence[APIRouter],
    lifespan: Lifespan,
    verifier: TokenVerifier,
    ready: Ready,
    gate: Gate | None = None,
    access: Access | None = None,
    audit: AuditLog | None = None,
    settings: ServiceSettings | None = None,
) -> FastAPI:
    """The application of `service`, to be mounted under `/<service>`.

    With `settings`, logs, metrics and traces start with it. `gate` knows whose tokens are worth
    nothing any more, `access` who reaches whom, `audit` is told who looked: with it come the
    calls that tell who did.
    """
    if audit is not None:
        routers = [*routers, auditing.router]
    app = FastAPI(
        title=title,
        version=VERSION,
        lifespan=_observed(service, lifespan, settings) if settings else lifespan,
        # Not by include_router, which looks every route up twice: 20 µs a request.
        routes=[route for router in routers for route in router.routes],
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # What FastAPI records by itself holds messages of errors, and those quote the input.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.verifier, app.state.gate = verifier, gate
    app.state.access, app.state.audit = access, audit
    app.state.audited = audit and Audit(audit.database)
    app.state.origin = origin_of(settings.public_url) if settings else ""
    app.state.tls = app.state.origin.startswith("https:")
    app.state.trusted_proxies = settings.trusted_proxies if settings else ""
    problems.install(app)
    app.add_middleware(Edge, service=service, tls=app.state.tls)
    _add_documents(app, service)
    _add_health(app, ready)
    return app


def mount(apps: Mapping[str, FastAPI]) -> Starlette:
    """One ASGI application that serves each app under `/<service>`, lifespans included.

    What an app names in `state.at_root` is served at the root too, where specifications look.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for app in apps.values():
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield

    routes: list[BaseRoute] = [
        Route(path, AtRoot(app, f"/{service}"))
        for service, app in apps.items()
        for path in getattr(app.state, "at_root", ())
    ]
    routes += [Mount(f"/{service}", app) for service, app in apps.items()]
    handlers = {HTTPException: problems.on_http_outside}
    mounted = Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)
    mounted.state.tls = any(app.state.tls for app in apps.values())
    return mounted


class AtRoot:
    """Gives a request to the root to an app as if it had come to its prefix."""

    def __init__(self, app: FastAPI, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        root = scope.get("root_path", "") + self._prefix
        inside = {**scope, "root_path": root, "path": self._prefix + scope["path"]}
        await self._app(inside, receive, send)


def _observed(service: str, lifespan: Lifespan, settings: ServiceSettings) -> Lifespan:
    @asynccontextmanager
    async def observed(app: FastAPI) -> AsyncIterator[None]:
        telemetry.setup(service, "web", settings)
        async with lifespan(app):
            yield
        telemetry.flush()

    return observed


def _add_documents(app: FastAPI, service: str) -> None:
    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = openapi.describe(app, service, VERSION)
        return app.openapi_schema

    # FastAPI's own way to replace the document.
    app.openapi = document  # type: ignore[method-assign]

    @app.get("/openapi.json", include_in_schema=False, openapi_extra=ANYBODY)
    async def openapi_json() -> Response:
        return JSONResponse(document())

    @app.get("/docs", include_in_schema=False, openapi_extra=ANYBODY)
    async def docs() -> Response:
        headers = {"Content-Security-Policy": DOCS_POLICY}
        return HTMLResponse(docs_page(document()), headers=headers)


def _add_health(app: FastAPI, ready: Ready) -> None:
    @app.get("/health/live", include_in_schema=False, openapi_extra=ANYBODY)
    async def live() -> Response:
        return JSONResponse({"status": "ok"})

    @app.get("/health/ready", include_in_schema=False, openapi_extra=ANYBODY)
    async def is_ready() -> Response:
        await ready()
        return JSONResponse({"status": "ok"})
