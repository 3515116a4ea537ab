"""The issuer's keys by HTTP: fetched when needed, seldom, and never trusted when stale."""

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from shared.errors import Unavailable
from shared.security import JwksUrl, SigningKeys

URL = "http://issuer.test/jwks.json"


class Issuer:
    """An issuer with a clock of its own, behind httpx."""

    def __init__(self) -> None:
        self.keys = SigningKeys.generate()
        self.now = 1000.0
        self.asked = 0
        self.body: bytes | None = None
        self.up = True

    def answer(self, _: httpx.Request) -> httpx.Response:
        self.asked += 1
        if not self.up:
            raise httpx.ConnectError("away")
        return httpx.Response(200, content=self.body or self.keys.public())


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Issuer:
    issuer = Issuer()

    @asynccontextmanager
    async def client(**_: object) -> AsyncIterator[httpx.AsyncClient]:
        async with real(transport=httpx.MockTransport(issuer.answer)) as opened:
            yield opened

    real = httpx.AsyncClient
    monkeypatch.setattr("shared.security.jwks.httpx.AsyncClient", client)
    return issuer


@pytest.fixture
def source(issuer: Issuer) -> JwksUrl:
    return JwksUrl(URL, clock=lambda: issuer.now)


async def test_keys_are_fetched_once_in_five_minutes(issuer: Issuer, source: JwksUrl) -> None:
    kid = issuer.keys.current.kid or ""
    for _ in range(10):
        assert await source.key(kid) is not None
    assert issuer.asked == 1
    issuer.now += 301
    assert await source.key(kid) is not None
    assert issuer.asked == 2


async def test_an_unknown_key_asks_again_at_most_once_in_ten_seconds(
    issuer: Issuer, source: JwksUrl
) -> None:
    assert await source.key("unknown") is None
    for _ in range(100):
        assert await source.key("unknown") is None
    assert issuer.asked == 1
    issuer.now += 10.1
    issuer.keys = SigningKeys.generate()
    assert await source.key(issuer.keys.current.kid or "") is not None
    assert issuer.asked == 2


async def test_without_the_issuer_nothing_verifies(issuer: Issuer, source: JwksUrl) -> None:
    kid = issuer.keys.current.kid or ""
    issuer.up = False
    with pytest.raises(Unavailable):
        await source.key(kid)
    issuer.up = True
    issuer.now += 1.1
    assert await source.key(kid) is not None
    issuer.up = False
    issuer.now += 250
    assert await source.key(kid) is not None
    issuer.now += 100
    with pytest.raises(Unavailable):
        await source.key(kid)


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"[]",
        b"{}",
        b'{"keys": "x"}',
        b'{"keys": [{"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQ"}]}',
        b'{"keys": [{"kty": "EC"}]}',
        b'{"keys": []}' + b" " * 100_000,
    ],
)
async def test_nonsense_is_not_taken_for_keys(issuer: Issuer, source: JwksUrl, body: bytes) -> None:
    issuer.body = body
    with pytest.raises(Unavailable):
        await source.key("any")


async def test_keys_can_rotate(tmp_path: Path) -> None:
    old, new = SigningKeys.generate(), SigningKeys.generate()
    both = SigningKeys([new.current, old.current])
    both.write(tmp_path / "keys.json")
    read = SigningKeys.read(tmp_path / "keys.json")
    assert read.current.kid == new.current.kid
    assert await read.key(old.current.kid or "") is not None
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
    assert b'"d"' not in read.public()


async def test_whoever_comes_while_keys_are_fetched_waits_for_them(
    issuer: Issuer, source: JwksUrl
) -> None:
    kid = issuer.keys.current.kid or ""
    found = await asyncio.gather(*(source.key(kid) for _ in range(50)))
    assert None not in found
    assert issuer.asked == 1
