"""The web process that is measured: feedback, and a bare route beside it on the same server.

python -m tests.benchmarks._web PORT < `{settings, jwks}`
"""

import sys
from typing import Any

import msgspec
import uvicorn
from fastapi import FastAPI
from starlette.responses import Response

from services.feedback.api.models import RatingIn
from services.feedback.app import create_app
from services.feedback.settings import Settings
from shared.web import mount


class Given(msgspec.Struct):
    """What the process is told: feedback's settings, and the keys that tokens verify by."""

    settings: dict[str, Any]
    jwks: str


def bare(jwks: str) -> FastAPI:
    """A route that parses the same body by pydantic and sends it back, and nothing else."""
    app = FastAPI(openapi_url=None)
    app.state.tls = False

    @app.post("/echo")
    async def echo(body: RatingIn) -> RatingIn:
        return body

    @app.get("/jwks")
    async def keys() -> Response:
        return Response(jwks, media_type="application/json")

    return app


def main() -> None:
    """Serve both."""
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=Given)
    apps = {"feedback": create_app(Settings(**given.settings)), "bare": bare(given.jwks)}
    uvicorn.run(mount(apps), host="127.0.0.1", port=int(sys.argv[1]), access_log=False)


if __name__ == "__main__":
    main()
