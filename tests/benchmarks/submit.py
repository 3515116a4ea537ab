"""`POST /feedback/v1/ratings` end to end against a bare FastAPI route that echoes the same body."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import msgspec

from deploy.local.ports import LOOPBACK, free_ports
from shared.database import create_database
from shared.ids import new_id
from shared.migrations import upgrade
from shared.privacy import migrate_keys, open_keyring
from shared.security import SCOPES, Principal, SigningKeys, TokenIssuer
from tests.benchmarks._load import Report
from tests.benchmarks.harness import Environment, Result, compare
from tests.support.feedback import KEY_ENCRYPTION_KEY, Databases, care_for

NAMES = ("submit",)

EPISODES = 2_000
CONNECTIONS = 64
SECONDS = 4.0
READY_SECONDS = 20


@dataclass
class Site:
    """A running web process with one organisation in it."""

    port: int
    token: str
    tenant: str
    episodes: list[str]


async def run(environment: Environment) -> dict[str, Result]:
    """Both routes in turn, one web process, 64 connections from a process of their own."""
    async with open_site(environment, EPISODES) as site:
        bodies = [body(episode) for episode in site.episodes]

        async def submit() -> float:
            return await load(site, "/feedback/v1/ratings", bodies)

        async def echo() -> float:
            return await load(site, "/bare/echo", bodies)

        note = f"{CONNECTIONS} connections, {EPISODES} episodes in turn, one web process"
        return {"submit": await compare(environment, submit, echo, unit="requests/s", note=note)}


def body(episode_id: str) -> bytes:
    """A rating of four items."""
    return msgspec.json.encode(
        {
            "episode_id": episode_id,
            "measure": "ors",
            "occurred_at": "2026-02-01T10:00:00Z",
            "items": {"1": 4.5, "2": 3.8, "3": 5.1, "4": 4.2},
        }
    )


async def load(site: Site, path: str, bodies: list[bytes]) -> float:
    """Requests a second; raises where one was refused."""
    arguments = [LOOPBACK, str(site.port), path, site.token, str(CONNECTIONS), str(SECONDS)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks._load", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate(b"\n".join(bodies))
    report = msgspec.json.decode(output, type=Report)
    if report.errors:
        raise RuntimeError(f"{report.errors} requests to {path} were refused")
    return report.rate


@asynccontextmanager
async def open_site(environment: Environment, episodes: int) -> AsyncIterator[Site]:
    """A web process of feedback on fresh databases that knows so many episodes."""
    databases = Databases(await environment.database(), await environment.database())
    await upgrade("feedback", databases.feedback.owner)
    await migrate_keys(databases.keys.owner)
    database = create_database(databases.feedback.app)
    keyring = open_keyring(create_database(databases.keys.app), KEY_ENCRYPTION_KEY)
    tenant = new_id()
    known = await care_for(database, keyring, tenant, [f"e-{n}" for n in range(episodes)])
    await keyring.close()
    await database.dispose()
    [port] = free_ports(1)
    issuer = f"http://{LOOPBACK}:{port}"
    keys = SigningKeys.generate()
    principal = Principal(tenant=tenant, id=new_id(), kind="integration", scopes=frozenset(SCOPES))
    settings = {
        "database_url": databases.feedback.app,
        "keys_url": databases.keys.app,
        "key_encryption_key": KEY_ENCRYPTION_KEY,
        "public_url": issuer,
        "jwks_url": f"{issuer}/bare/jwks",
    }
    async with web_process(port, {"settings": settings, "jwks": keys.public().decode()}):
        token = TokenIssuer(keys, issuer).issue(principal, seconds=3_600)
        await answers(f"{issuer}/feedback/v1/measures", token)
        yield Site(port, token, tenant, known)


@asynccontextmanager
async def web_process(port: int, given: dict[str, object]) -> AsyncIterator[None]:
    """The process, from when it answers until it is not needed any more."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks._web", str(port)),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    if process.stdin is None:
        raise RuntimeError("the process has no standard input")
    process.stdin.write(msgspec.json.encode(given))
    process.stdin.close()
    try:
        await answers(f"http://{LOOPBACK}:{port}/feedback/health/ready")
        yield
    finally:
        process.terminate()
        await process.wait()


async def answers(url: str, token: str = "") -> None:
    """Wait until `url` answers 200."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    deadline = time.monotonic() + READY_SECONDS
    async with httpx.AsyncClient() as http:
        while True:
            try:
                if (await http.get(url, headers=headers)).status_code == 200:
                    return
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.05)
