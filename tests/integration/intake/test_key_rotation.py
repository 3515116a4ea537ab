"""The issuer's keys change while requests go on, and none of them is refused for it."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI

from shared.security import JwksUrl, Principal, SigningKeys, TokenVerifier
from shared.web import create_api, requires
from tests.conftest import MakeDatabase
from tests.integration.intake.home import ISSUER, Caller, open_intake
from tests.integration.intake.machines import GRANT
from tests.support.serving import serve
from tests.support.waiting import eventually_async

FRESH_SECONDS, REREAD_SECONDS = 1.2, 0.1
AHEAD_SECONDS = 3.0
"""Minutes in earnest; what matters is that keys are published for longer than they are kept."""
ROTATIONS = 3


def neighbour(jwks_url: str) -> FastAPI:
    """Another service, which knows of the keys what intake publishes."""
    router = APIRouter()

    @router.get("/me")
    async def me(principal: Annotated[Principal, Depends(requires("clients.read"))]) -> str:
        return principal.id

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield

    async def ready() -> None:
        return None

    return create_api(
        "feedback",
        title="Neighbour",
        routers=[router],
        lifespan=lifespan,
        verifier=TokenVerifier(JwksUrl(jwks_url), ISSUER),
        ready=ready,
    )


class Requests:
    """Somebody who asks for tokens and uses them, new ones and old ones, without a pause."""

    def __init__(self, issuer: str, service: str, caller: Caller) -> None:
        self.failed: list[str] = []
        self.kids: list[str] = []
        self.made = 0
        self._issuer, self._service = issuer, service
        self._credentials = caller.credentials
        self._tokens: list[str] = []

    async def run(self) -> None:
        """Until cancelled."""
        pair = (self._credentials.client_id, self._credentials.client_secret)
        async with httpx.AsyncClient(timeout=10) as http:
            while True:
                granted = await http.post(f"{self._issuer}/oauth/token", data=GRANT, auth=pair)
                self._count(granted)
                token = granted.json()["access_token"]
                kid = kid_of(token)
                if kid not in self.kids:
                    self.kids.append(kid)
                    self._tokens.append(token)
                for each in (token, *self._tokens):
                    headers = {"Authorization": f"Bearer {each}"}
                    self._count(await http.get(f"{self._service}/me", headers=headers))

    def _count(self, answer: httpx.Response) -> None:
        self.made += 1
        if answer.status_code != 200:
            self.failed.append(answer.text)


def kid_of(token: str) -> str:
    header = token.partition(".")[0]
    return str(json.loads(base64.urlsafe_b64decode(header + "=="))["kid"])


async def test_no_request_fails_while_keys_rotate(
    make_database: MakeDatabase, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.security.jwks.FRESH_SECONDS", FRESH_SECONDS)
    monkeypatch.setattr("shared.security.signing.REREAD_SECONDS", REREAD_SECONDS)
    own, keys = await make_database(), await make_database()
    async with (
        open_intake(own, keys, redis_url, tmp_path) as intake,
        serve("intake", intake.app) as issuer,
        serve("feedback", neighbour(f"{issuer}/.well-known/jwks.json")) as service,
    ):
        requests = Requests(issuer, service, await intake.new_caller())
        running = asyncio.create_task(requests.run())
        path = Path(intake.settings.signing_keys)
        for rotation in range(1, ROTATIONS + 1):
            SigningKeys.read(path).rotated(ahead=AHEAD_SECONDS).replace(path)

            async def signed_by_the_new_one(seen: int = rotation) -> bool:
                return len(requests.kids) > seen or running.done()

            await eventually_async(signed_by_the_new_one, 40)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert requests.failed == []
    assert len(requests.kids) == ROTATIONS + 1
    assert requests.made > 50
