"""Intake as a test sees it: its web process on fresh databases, and organisations to act for."""

import base64
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
from fastapi import FastAPI

from deploy.setup.databases import DatabaseUrls
from services.intake.app import create_app
from services.intake.machines import Credentials
from services.intake.organisations import Organisations
from services.intake.settings import Settings
from shared.migrations import upgrade
from shared.privacy import migrate_keys
from shared.security import SigningKeys
from shared.web import mount

ISSUER = "http://heroic.test"
NDJSON = {"Content-Type": "application/x-ndjson"}


@dataclass(frozen=True)
class Caller:
    """An organisation with a client that holds a token of all scopes."""

    organisation_id: str
    credentials: Credentials
    http: httpx.AsyncClient

    async def made(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST `body`, which must make something new."""
        answer = await self.http.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def client(self, **fields: object) -> dict[str, Any]:
        """A new client."""
        return await self.made("/intake/v1/clients", dict(fields))

    async def episode(self, **fields: object) -> dict[str, Any]:
        """A new episode, of a new client unless one is named."""
        if not fields.keys() & {"client_id", "client_external_id"}:
            fields["client_id"] = (await self.client())["id"]
        opening = {"opened_at": "2026-01-05T09:00:00Z", "kind": "individual"}
        return await self.made("/intake/v1/episodes", opening | fields)

    async def bulk(self, lines: list[dict[str, Any]], query: str = "") -> list[dict[str, Any]]:
        """The outcomes of a bulk call."""
        content = b"\n".join(msgspec.json.encode(line) for line in lines)
        answer = await self.http.post(f"/intake/v1/bulk{query}", content=content, headers=NDJSON)
        assert answer.status_code == 200, answer.text
        return [msgspec.json.decode(line) for line in answer.content.splitlines()]


@dataclass(frozen=True)
class Intake:
    """A web process with its databases."""

    app: FastAPI
    asgi: Any
    urls: DatabaseUrls
    settings: Settings
    signing_keys: SigningKeys

    async def new_caller(self, name: str = "Clinic network") -> Caller:
        """A new organisation with an integration of all scopes, signed in."""
        organisations: Organisations = self.app.state.organisations
        organisation_id = await organisations.register(name)
        credentials = await organisations.create_integration(organisation_id, "feed")
        http = self.plain()
        answer = await http.post(
            "/intake/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(credentials.client_id, credentials.client_secret),
        )
        assert answer.status_code == 200, answer.text
        http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return Caller(organisation_id, credentials, http)

    def plain(self) -> httpx.AsyncClient:
        """A client without a token. What breaks inside is answered, not raised."""
        transport = httpx.ASGITransport(self.asgi, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=ISSUER)

    async def events(self, *types: str) -> list[asyncpg.Record]:
        """All stored events in order, or those of some types."""
        connection = await asyncpg.connect(self.urls.reader)
        try:
            rows = await connection.fetch("SELECT * FROM events ORDER BY xid, position")
        finally:
            await connection.close()
        return [row for row in rows if not types or row["type"].rpartition(".")[2] in types]


@asynccontextmanager
async def open_intake(
    own: DatabaseUrls, keys: DatabaseUrls, redis_url: str, folder: Path
) -> AsyncIterator[Intake]:
    """Intake on the two databases, migrated and started."""
    await upgrade("intake", own.owner)
    await migrate_keys(keys.owner)
    signing_keys = SigningKeys.generate()
    signing_keys.write(folder / "signing-keys.json")
    settings = Settings(
        database_url=own.app,
        keys_url=keys.app,
        key_encryption_key=base64.b64encode(secrets.token_bytes(32)).decode(),
        redis_url=redis_url,
        public_url=ISSUER,
        signing_keys=str(folder / "signing-keys.json"),
    )
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield Intake(app, mount({"intake": app}), own, settings, signing_keys)
