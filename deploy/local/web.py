"""One web process for all services, each under its own prefix: how one machine serves them.

python -m deploy.local.web PORT
"""

import importlib
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.responses import RedirectResponse
from starlette.routing import Mount, Route

from deploy.local.ports import LOOPBACK
from deploy.setup.databases import SERVICES

GRACE_SECONDS = 10


def create_web() -> Starlette:
    """The four apps, mounted; their life times are this app's."""
    apps = {service: create_service(service) for service in SERVICES}

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for app in apps.values():
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield

    async def root(_: object) -> RedirectResponse:
        return RedirectResponse("/outcomes/docs")

    mounts = [Mount(f"/{service}", app) for service, app in apps.items()]
    return Starlette(routes=[Route("/", root), *mounts], lifespan=lifespan)


def create_service(service: str) -> Starlette:
    """The app of one service, with its settings from the environment."""
    settings = importlib.import_module(f"services.{service}.settings").Settings()
    app: Starlette = importlib.import_module(f"services.{service}.app").create_app(settings)
    return app


if __name__ == "__main__":
    uvicorn.run(
        create_web(),
        host=LOOPBACK,
        port=int(sys.argv[1]),
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
