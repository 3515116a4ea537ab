"""How a machine gets its token, and how often it may try."""

import base64
import subprocess
import sys
from typing import Any

import httpx
import msgspec
import pytest
from redis.asyncio import Redis

from services.intake.rate_limit import RateLimiter
from shared.errors import TooManyRequests
from shared.ids import new_id
from shared.security import SCOPES, TokenVerifier
from tests.integration.intake.home import ISSUER, Caller, Intake

GRANT = {"grant_type": "client_credentials"}
TOKEN = "/intake/oauth/token"


async def ask(intake: Intake, form: dict[str, str], **options: Any) -> httpx.Response:
    async with intake.plain() as http:
        return await http.post(TOKEN, data=form, **options)


async def test_basic_and_form_give_the_same_token(intake: Intake, caller: Caller) -> None:
    credentials = caller.credentials
    pair = (credentials.client_id, credentials.client_secret)
    form = {"client_id": pair[0], "client_secret": pair[1]}
    for answer in (await ask(intake, GRANT, auth=pair), await ask(intake, GRANT | form)):
        assert answer.status_code == 200
        body = answer.json()
        assert body["token_type"] == "Bearer"
        assert body["expires_in"] == 300
        assert sorted(body["scope"].split()) == sorted(SCOPES)
        assert answer.headers["cache-control"] == "no-store"
        verified = await TokenVerifier(intake.signing_keys, ISSUER).verify(body["access_token"])
        principal = verified.principal
        assert principal.tenant == caller.organisation_id
        assert principal.kind == "integration"


async def test_fewer_scopes_can_be_asked_for_but_not_others(intake: Intake, caller: Caller) -> None:
    pair = (caller.credentials.client_id, caller.credentials.client_secret)
    narrow = await ask(intake, GRANT | {"scope": "intake.read"}, auth=pair)
    assert narrow.json()["scope"] == "intake.read"
    async with intake.plain() as http:
        http.headers["Authorization"] = f"Bearer {narrow.json()['access_token']}"
        refused = await http.post("/intake/v1/clients", json={})
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert (await http.get(f"/intake/v1/clients/{new_id()}")).status_code == 404
    greedy = await ask(intake, GRANT | {"scope": "intake.read everything"}, auth=pair)
    assert (greedy.status_code, greedy.json()["code"]) == (400, "invalid_scope")


async def test_wrong_credentials_are_refused_alike(intake: Intake, caller: Caller) -> None:
    known = caller.credentials.client_id
    pairs = [
        (known, "wrong"),
        (known, ""),
        (f"{caller.organisation_id}.{new_id()}", "wrong"),
        (f"{new_id()}.{known.partition('.')[2]}", caller.credentials.client_secret),
        ("nobody", "wrong"),
        ("", ""),
        ("a\0b", "c\0d"),
    ]
    answers = [await ask(intake, GRANT, auth=pair) for pair in pairs]
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.json()["code"] for answer in answers} == {"invalid_client"}
    assert {answer.json()["detail"] for answer in answers} == {answers[0].json()["detail"]}
    assert all("www-authenticate" in answer.headers for answer in answers)


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"", {}, 400),
        (b"grant_type=password", {}, 400),
        (b"grant_type=client_credentials&grant_type=client_credentials", {}, 400),
        (b"grant_type=client_credentials&client_id=%ff", {}, 400),
        (b"grant_type=client_credentials\xff", {}, 400),
        (b"&a=1" * 50, {}, 400),
        (b"a=" + b"x" * 50_000, {}, 413),
        (b'{"grant_type":"client_credentials"}', {"Content-Type": "application/json"}, 415),
        (b"grant_type=client_credentials", {"Authorization": "Basic !!!"}, 401),
        (b"grant_type=client_credentials", {"Authorization": "Basic /w=="}, 401),
        (b"grant_type=client_credentials", {"Authorization": "Bearer x"}, 401),
    ],
)
async def test_what_is_no_request_for_a_token_is_refused(
    intake: Intake, content: bytes, headers: dict[str, str], status: int
) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    async with intake.plain() as http:
        answer = await http.post(TOKEN, content=content, headers=form | headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer x.y.z", "Basic YTpi", "Bearer " + "x" * 10_000],
)
async def test_without_a_good_token_nothing_is_answered(intake: Intake, header: str) -> None:
    async with intake.plain() as http:
        answer = await http.get(f"/intake/v1/clients/{new_id()}", headers={"Authorization": header})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="heroic"'


async def test_guessing_a_secret_is_slowed_down(intake: Intake, caller: Caller) -> None:
    pair = (caller.credentials.client_id, "wrong")
    statuses = [(await ask(intake, GRANT, auth=pair)).status_code for _ in range(45)]
    assert statuses[0] == 401
    # A minute may end in between: one of the two has more than its share of attempts.
    assert statuses.count(429) >= 1
    limited = await ask(intake, GRANT, auth=pair)
    while limited.status_code != 429:
        limited = await ask(intake, GRANT, auth=pair)
    assert int(limited.headers["retry-after"]) >= 1


async def test_the_public_keys_hold_nothing_private(intake: Intake) -> None:
    async with intake.plain() as http:
        keys = (await http.get("/intake/.well-known/jwks.json")).json()["keys"]
    assert [key["kid"] for key in keys] == [intake.signing_keys.current.kid]
    assert all("d" not in key for key in keys)


async def test_the_limit_holds_across_processes_and_without_redis(redis_url: str) -> None:
    redis = Redis.from_url(redis_url)
    now = 1_000_000.0 * 60
    name = new_id()
    first, second = (RateLimiter(redis, clock=lambda: now) for _ in range(2))
    for limiter in (first, second, first):
        await limiter.count(name, 3)
    with pytest.raises(TooManyRequests):
        await second.count(name, 3)
    await redis.aclose()

    away = Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=0.1)
    alone = RateLimiter(away, clock=lambda: now)
    for _ in range(3):
        await alone.count(name, 3)
    with pytest.raises(TooManyRequests):
        await alone.count(name, 3)
    await away.aclose()


def test_an_organisation_is_created_from_the_command_line(intake: Intake) -> None:
    settings = intake.settings
    environment = {
        "HEROIC_INTAKE_DATABASE_URL": settings.database_url,
        "HEROIC_KEYS_URL": settings.keys_url,
        "HEROIC_KEY_ENCRYPTION_KEY": settings.key_encryption_key,
        "HEROIC_SIGNING_KEYS": settings.signing_keys,
    }
    command = [sys.executable, "-m", "services.intake", "organisation", "create", "East", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    made = msgspec.json.decode(done.stdout, type=dict[str, str])
    assert made.keys() == {"id", "name", "client_id", "client_secret"}
    assert made["name"] == "East"
    assert base64.urlsafe_b64decode(made["client_secret"] + "=")
