"""What somebody with bad intentions sends to every operation, and what they are told."""

import asyncio
import base64
import gzip
import json
import statistics
import time
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from services.intake import secret_hashes
from shared.ids import new_id
from shared.security import AUDIENCE, POLICY, SigningKeys
from shared.web.auth import SAFE
from tests.integration.access.calls import Call, calls, streams
from tests.integration.access.world import World
from tests.support.platform import SERVICES, Platform

Worlds = tuple[World, World]

# Whoever comes first here waits until there is a platform.
pytestmark = pytest.mark.timeout(300)

LISTS = {
    "intake": "/intake/v1/people",
    "feedback": "/feedback/v1/measures",
    "outcomes": "/outcomes/v1/rules",
    "alerts": "/alerts/v1/alerts",
}
HOSTILE = (
    "'; DROP TABLE events; --",
    "' OR '1'='1",
    "$1 %s %(tenant)s :tenant",
    "{{ 7*7 }}${7*7}<%= 7*7 %>",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "=HYPERLINK(1)",
    "\u202eevil\u2066",
    "x\r\nSet-Cookie: heroic-token=x",
    "../../../../etc/passwd",
)


async def changing(platform: Platform) -> list[Call]:
    """Every operation that may change something and wants to know who calls."""
    found = [call for call in calls(platform.apps) if call.method not in SAFE]
    return [call for call in found if not call.is_public]


def forged(platform: Platform, world: World) -> dict[str, str]:
    """Tokens that look like ours, by what is wrong with them."""
    ours, strange = platform.issuer._keys, SigningKeys.generate()
    now = int(time.time())
    good: dict[str, Any] = {
        "iss": platform.base_url,
        "aud": AUDIENCE,
        "sub": world.things["administrator"],
        "tenant": world.tenant,
        "kind": "integration",
        "scope": "intake.read feedback.read outcomes.read alerts.read",
        "iat": now,
        "exp": now + 300,
        "jti": new_id(),
    }
    kid = ours.current.kid
    header = {"alg": "ES256", "kid": kid}

    def signed(**changes: Any) -> str:
        claims = {name: value for name, value in (good | changes).items() if value is not None}
        return jwt.encode(header, claims, ours.current, ["ES256"])

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    secret = OctKey.import_key(ours.public())
    rsa = RSAKey.generate_key(2048)
    token, own_key = signed(), part(header | {"jwk": strange.current.as_dict()})
    body, signature = token.split(".")[1:]
    return {
        "no algorithm": f"{part({'alg': 'none', 'kid': kid})}.{part(good)}.",
        "no signature": f"{token.rpartition('.')[0]}.",
        "the public key as a secret": jwt.encode(
            header | {"alg": "HS256"}, good, secret, ["HS256"]
        ),
        "another kind of key": jwt.encode(header | {"alg": "RS256"}, good, rsa, ["RS256"]),
        "somebody else's key": jwt.encode(header, good, strange.current, ["ES256"]),
        "an unknown key": jwt.encode(header | {"kid": "x"}, good, ours.current, ["ES256"]),
        "a key of its own": f"{own_key}.{body}.{signature}",
        "other claims": f"{part(header)}.{part(good | {'tenant': new_id()})}.{signature}",
        "another audience": signed(aud="elsewhere"),
        "another issuer": signed(iss="https://evil.test"),
        "no tenant": signed(tenant=None),
        "a tenant that is none": signed(tenant="*"),
        "no end": signed(exp=None),
        "ended": signed(iat=now - 900, exp=now - 600),
        "not yet": signed(iat=now + 600, exp=now + 900),
        "far too long": signed(jti="x" * 5000),
        "no token at all": "x",
        "only dots": "..",
    }


async def test_no_service_takes_a_token_that_is_not_ours(
    platform: Platform, worlds: Worlds
) -> None:
    tokens = forged(platform, worlds[0])
    async with platform.http() as http:
        for address in LISTS.values():
            for what, token in tokens.items():
                answer = await http.get(address, headers={"Authorization": f"Bearer {token}"})
                assert answer.status_code == 401, f"{address}: {what}"
                assert worlds[0].tenant not in answer.text


async def test_a_token_of_a_person_is_worth_nothing_in_another_organisation(
    platform: Platform, worlds: Worlds
) -> None:
    """The tenant is in the token alone: no header, query or path says another."""
    own, other = worlds
    async with own.http("administrator") as http:
        for address in LISTS.values():
            headers = {"X-Tenant": other.tenant, "Tenant": other.tenant}
            answer = await http.get(f"{address}?tenant={other.tenant}", headers=headers)
            assert other.name not in answer.text


async def test_no_call_by_cookie_changes_anything_without_the_pages_secret(
    platform: Platform, worlds: Worlds
) -> None:
    own = worlds[0]
    name = "heroic-token"
    csrf = own.principals["administrator"].csrf or ""
    async with platform.http() as http:
        for call in await changing(platform):
            caller = next(
                one
                for one in ("administrator", "clinician", "client", "integration")
                if own.principal(one).reach(POLICY[call.permission])
            )
            address, options = call.filled(own.things)
            headers = options.pop("headers", {}) | {"Cookie": f"{name}={own.token(caller)}"}
            for said in (
                {},
                {"X-CSRF-Token": "x"},
                {"X-CSRF-Token": csrf, "Origin": "https://evil.test"},
                {"X-CSRF-Token": csrf, "Sec-Fetch-Site": "cross-site"},
            ):
                answer = await http.request(call.method, address, headers=headers | said, **options)
                refused = 401 if caller == "integration" else 403
                assert answer.status_code == refused, f"{call.name}: {said}: {answer.text}"


async def test_no_body_is_inflated(platform: Platform, worlds: Worlds) -> None:
    bomb = gzip.compress(b" " * 20_000_000)
    async with worlds[0].http("integration") as machine, worlds[0].http("administrator") as person:
        for call in await changing(platform):
            address, options = call.filled(worlds[0].things)
            if not options:
                continue
            kind = options.get("headers", {}).get("Content-Type", "application/json")
            headers = {"Content-Type": kind, "Content-Encoding": "gzip"}
            for http in (machine, person):
                answer = await http.request(call.method, address, content=bomb, headers=headers)
                assert answer.status_code in {415, 403, 404}, f"{call.name}: {answer.status_code}"


@pytest.mark.parametrize("words", HOSTILE)
async def test_whatever_is_typed_is_words_and_comes_back_as_it_was(
    worlds: Worlds, words: str
) -> None:
    own = worlds[0]
    outside = new_id()
    client = await own.post(
        "/intake/v1/clients",
        {"given_name": words, "family_name": words, "external_id": f"{outside} {words}"},
    )
    read = await own.get(f"/intake/v1/clients/{client['id']}")
    assert (read["given_name"], read["external_id"]) == (words, f"{outside} {words}")
    found = await own.post("/intake/v1/clients/search", {"external_id": f"{outside} {words}"})
    assert [one["id"] for one in found["items"]] == [client["id"]]
    nobody = await own.post("/intake/v1/clients/search", {"external_id": words})
    assert nobody["items"] == []
    team = {"name": words, "lead_ids": [], "member_ids": [own.things["clinician"]]}
    made = await own.post("/intake/v1/teams", team)
    assert made["name"] == words
    async with own.http() as http:
        listed = await http.get("/intake/v1/teams")
        assert words in [one["name"] for one in listed.json()["items"]]
        assert listed.headers["content-type"] == "application/json"
        assert listed.headers["x-content-type-options"] == "nosniff"
        await http.put(f"/intake/v1/teams/{made['id']}", json=team | {"member_ids": []})


@pytest.mark.parametrize("words", HOSTILE)
async def test_whatever_stands_in_an_address_finds_nothing_and_makes_no_header(
    platform: Platform, worlds: Worlds, words: str
) -> None:
    own = worlds[0]
    async with own.http("integration") as http:
        for call in calls(platform.apps):
            if call.method != "GET" or "{" not in call.path or call.is_public:
                continue
            things = dict.fromkeys(own.things, httpx.QueryParams({"x": words})["x"])
            path = call.filled({name: quoted(value) for name, value in things.items()})[0]
            answer = await http.get(path)
            assert answer.status_code in {403, 404, 422}, f"{call.name}: {answer.status_code}"
            assert "set-cookie" not in answer.headers
            assert words not in answer.text
        for address in LISTS.values():
            answer = await http.get(address, params={"cursor": words, "limit": 1, "x": words})
            assert answer.status_code in {200, 422}
            assert "set-cookie" not in answer.headers


def quoted(text: str) -> str:
    """As one part of a path."""
    return "".join(f"%{byte:02X}" for byte in text.encode())


async def test_how_long_it_takes_tells_nothing_of_what_is_there(worlds: Worlds) -> None:
    """Of another organisation's, and of nobody's: the same within what measuring can tell."""
    own, other = worlds
    addresses = {
        "another's": f"/intake/v1/clients/{other.things['client']}",
        "nobody's": f"/intake/v1/clients/{new_id()}",
    }
    taken: dict[str, list[float]] = {name: [] for name in addresses}
    async with own.http("clinician") as http:
        for _ in range(60):
            for name, address in addresses.items():
                started = time.perf_counter()
                assert (await http.get(address)).status_code == 404
                taken[name].append(time.perf_counter() - started)
    medians = [statistics.median(times) for times in taken.values()]
    assert max(medians) < 2 * min(medians) + 0.002


async def test_a_thousand_wrong_secrets_cost_few_hashes(
    platform: Platform, worlds: Worlds, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = 0
    real = secret_hashes.matches

    async def matches(secret: str, stored: str) -> bool:
        nonlocal hashed
        hashed += 1
        return await real(secret, stored)

    monkeypatch.setattr(secret_hashes, "matches", matches)
    made = await worlds[0].post(
        "/intake/v1/integrations", {"name": "x", "scopes": ["intake.read"]}, "administrator"
    )
    limits = []
    async with platform.http() as http:
        for number in range(1_000):
            form = {"grant_type": "client_credentials"}
            pair = (made["client_id"], f"wrong {number}")
            answer = await http.post("/intake/oauth/token", data=form, auth=pair)
            limits.append(answer.status_code)
    assert set(limits) <= {401, 429}
    assert limits.count(429) > 900
    assert hashed < 90


@pytest.mark.parametrize("stream", ["/alerts/v1/stream", "/outcomes/v1/stream"])
async def test_streams_tell_nobody_of_another_organisation(worlds: Worlds, stream: str) -> None:
    """Whoever listens hears of what is said after, of their own organisation alone."""
    own, other = worlds
    async with (
        asyncio.timeout(30),
        own.http("integration") as http,
        http.stream("GET", stream) as answer,
    ):
        assert answer.status_code == 200
        for world in (other, own):
            await told(world)
        heard = ""
        async for line in answer.aiter_lines():
            heard += line
            if own.things["client"] in line:
                break
    assert other.things["client"] not in heard


async def told(world: World) -> None:
    """Something happens to the client: a risk that alerts, and a view that changes."""
    await world.post(
        "/feedback/v1/ratings",
        {
            "episode_id": world.things["episode"],
            "measure": "phq-9",
            "occurred_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "items": {str(item): 2 for item in range(1, 9)} | {"9": 3},
        },
    )
    await world.platform.carry()


def test_every_service_has_a_list_to_try(platform: Platform) -> None:
    assert set(LISTS) == set(SERVICES)
    assert any(streams(call) for call in calls(platform.apps))
