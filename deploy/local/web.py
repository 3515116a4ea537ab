"""One web process for all services, each under its own prefix: how one machine serves them.

python -m deploy.local.web PORT
"""

import importlib
import sys

import uvicorn
from fastapi import FastAPI

from deploy.local.ports import LOOPBACK
from deploy.setup.databases import SERVICES
from shared.web.app import mount

# Streams of events never end by themselves: they are cut when this time is over.
GRACE_SECONDS = 5


def create_service(service: str) -> FastAPI:
    """The app of one service, with its settings from the environment."""
    settings = importlib.import_module(f"services.{service}.settings").Settings()
    app: FastAPI = importlib.import_module(f"services.{service}.app").create_app(settings)
    return app


if __name__ == "__main__":
    uvicorn.run(
        mount({service: create_service(service) for service in SERVICES}),
        host=LOOPBACK,
        port=int(sys.argv[1]),
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
