"""One web process for all services, each under its own prefix: how one machine serves them.

python -m deploy.local.web DESCRIPTOR    # of a socket that listens: see `Home.listener`
"""

import importlib
import socket
import sys

import uvicorn
from fastapi import FastAPI

from deploy.setup.databases import SERVICES
from shared.web import mount, server


def create_service(service: str) -> FastAPI:
    """The app of one service, with its settings from the environment."""
    settings = importlib.import_module(f"services.{service}.settings").Settings()
    app: FastAPI = importlib.import_module(f"services.{service}.app").create_app(settings)
    return app


if __name__ == "__main__":
    config = server.config(mount({service: create_service(service) for service in SERVICES}))
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])
