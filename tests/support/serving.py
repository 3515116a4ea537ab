"""A service behind a real web server in this process."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from shared.web import mount
from tests.support.waiting import eventually_async


@asynccontextmanager
async def serve(service: str, app: FastAPI) -> AsyncIterator[str]:
    """The app under `/<service>` on a free port; its base URL."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(mount({service: app}), log_config=None, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        # Signals are the test runner's.
        task = asyncio.create_task(server._serve(sockets=[listener]))

        async def started() -> bool:
            if task.done():
                task.result()
            return server.started

        await eventually_async(started)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/{service}"
        server.should_exit = True
        await task
