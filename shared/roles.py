"""The roles that a service can play, done alike by all of them."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

import uvicorn
import uvloop
from fastapi import FastAPI

from shared import migrations, telemetry
from shared.settings import ServiceSettings
from shared.topics import ensure_topics
from shared.web import mount, server
from shared.worker import Worker

S = TypeVar("S", bound=ServiceSettings)

HOST, PORT = "0.0.0.0", 8000  # noqa: S104 - inside a container; the proxy decides who gets here

Role = Callable[[S], Coroutine[Any, Any, int]]


async def serve(service: str, app: FastAPI) -> int:
    """Serve HTTP until told to stop; the exit code."""
    proxies = app.state.trusted_proxies
    config = server.config(mount({service: app}), trusted_proxies=proxies, host=HOST, port=PORT)
    await uvicorn.Server(config).serve()
    return 0


async def work(service: str, role: str, settings: S, create: Callable[[S], Worker]) -> int:
    """Relay and consume until told to stop; the exit code."""
    telemetry.setup(service, role, settings)
    try:
        return await create(settings).run()
    finally:
        telemetry.shutdown()


async def migrate(service: str, settings: ServiceSettings) -> int:
    """Bring the service's database and topics to this version; idempotent."""
    await migrations.upgrade(service, settings.owner_url)
    await ensure_topics(settings.kafka, service)
    return 0


async def together(*roles: Coroutine[Any, Any, int]) -> int:
    """Play several roles in one process; the worst of their exit codes."""
    return max(await asyncio.gather(*roles))


def play(service: str, roles: Mapping[str, Role[S]], settings: Callable[[], S]) -> None:
    """Play the role that the command names, and exit with its code."""
    if len(sys.argv) != 2 or sys.argv[1] not in roles:
        sys.exit(f"usage: python -m services.{service} {' | '.join(roles)}")
    sys.exit(uvloop.run(roles[sys.argv[1]](settings())))
