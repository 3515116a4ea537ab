"""What must not come in: each kind of bad input against every call of intake that takes a body.

The calls are those of the OpenAPI document; a call that is missing here fails a test.
"""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from services.intake.app import create_app
from services.intake.settings import Settings
from shared.ids import new_id
from shared.security import Principal
from shared.web import mount
from tests.integration.intake.conftest import caller, intake
from tests.integration.intake.home import Caller, Intake

__all__ = ["caller", "intake"]

AT = "2026-02-01T09:00:00Z"
CLINICIAN = "0190a7d0-0000-7000-8000-000000000001"
SESSION = {"starts_at": AT, "status": "held", "type": "treatment"}
JSON = {"Content-Type": "application/json"}

GOOD: dict[str, dict[str, Any]] = {
    "POST /v1/clients": {"given_name": "Ada", "birth_date": "1990-01-01"},
    "POST /v1/clients/search": {"external_id": "p-1"},
    "PATCH /v1/clients/{client_id}": {"given_name": "Eva"},
    "POST /v1/clients/{client_id}/consents": {"purpose": "research", "given": True, "at": AT},
    "POST /v1/clients/{client_id}/measuring": {"state": "paused", "reason": "holiday"},
    "POST /v1/episodes": {"client_id": "{client_id}", "opened_at": AT, "kind": "individual"},
    "POST /v1/episodes/{episode_id}/close": {"closed_at": AT, "ending": "planned"},
    "POST /v1/episodes/{episode_id}/reopen": {"at": AT},
    "POST /v1/episodes/{episode_id}/transfer": {"to_clinician_id": CLINICIAN, "at": AT},
    "POST /v1/sessions": SESSION | {"episode_id": "{episode_id}"},
    "PUT /v1/sessions/{session_id}": SESSION,
    "POST /v1/clinics": {"name": "North", "timezone": "Europe/Oslo"},
    "POST /v1/people": {"name": "Dr Grey", "roles": ["clinician"]},
    "POST /v1/clients/{client_id}/merge": {"into": CLINICIAN, "reason": "the same person"},
    "POST /v1/clients/{client_id}/unmerge": {"reason": "not the same person"},
    "POST /v1/clients/{client_id}/related-people": {"relation": "guardian", "may_see": []},
    "PUT /v1/clients/{client_id}/related-people/{related_id}": {
        "relation": "guardian",
        "may_see": [],
    },
    "POST /v1/clients/{client_id}/erasure-requests": {"reason": "asked to"},
    "POST /v1/erasure-requests/{request_id}/approve": {"reason": "nothing against it"},
    "POST /v1/erasure-requests/{request_id}/refuse": {"reason": "to be kept"},
    "POST /v1/clients/{client_id}/restriction/lift": {"actor": CLINICIAN},
    "PUT /v1/organisation/consent-policy": {"defaults": {"research": False}},
    "PUT /v1/organisation/sign-in-policy": {"second_factor_roles": []},
    "POST /v1/teams": {"name": "Youth", "lead_ids": [], "member_ids": []},
    "PUT /v1/teams/{team_id}": {"name": "Youth", "lead_ids": [], "member_ids": []},
    "POST /v1/people/{person_id}/roles": {"role": "operator"},
    "POST /v1/people/{person_id}/hand-over": {"to_person_id": CLINICIAN},
}
WITHOUT_JSON = {"POST /oauth/token", "POST /oauth/revoke", "POST /v1/bulk"}
A_LIST = {"POST /v1/episodes/{episode_id}/care-team"}
FOR_PEOPLE_ALONE: dict[str, dict[str, Any]] = {
    "PUT /v1/organisation/identity-provider": {"issuer": ""},
    "POST /v1/integrations": {"name": "Feed", "scopes": ["intake.read"]},
    "PUT /v1/integrations/{integration_id}/keys": {"keys": []},
    "POST /v1/people/{person_id}/sign-in-links": {"purpose": "invite"},
    "POST /v1/clients/{client_id}/sign-in-codes": {"related_id": CLINICIAN},
}
"""No machine may, so an administrator is who sends it."""
GOOD |= FOR_PEOPLE_ALONE


def encoded(body: dict[str, Any], **more: Any) -> bytes:
    return json.dumps(body | more).encode()


def with_first_string(body: dict[str, Any], value: str) -> bytes:
    name = next((key for key, old in body.items() if isinstance(old, str)), "x")
    return json.dumps(body | {name: value}).encode()


def twice(body: dict[str, Any]) -> bytes:
    name, value = next(iter(body.items()))
    pair = f"{json.dumps(name)}:{json.dumps(value)}".encode()
    return encoded(body).removesuffix(b"}") + b"," + pair + b"}"


def with_raw(body: dict[str, Any], raw: bytes) -> bytes:
    return encoded(body).removesuffix(b"}") + b',"x":' + raw + b"}"


BAD: dict[str, tuple[Callable[[dict[str, Any]], bytes], set[int]]] = {
    "no body": (lambda body: b"", {400}),
    "not JSON": (lambda body: b"{not json", {400}),
    "not UTF-8": (lambda body: encoded(body).replace(b'": ', b'": "\xff', 1), {400}),
    "an array": (lambda body: b"[" + encoded(body) + b"]", {422}),
    "null": (lambda body: b"null", {422}),
    "a text": (lambda body: b'"words"', {422}),
    "a key twice": (twice, {422}),
    "NaN": (lambda body: with_raw(body, b"NaN"), {422}),
    "Infinity": (lambda body: with_raw(body, b"-Infinity"), {422}),
    "1e309": (lambda body: with_raw(body, b"1e309"), {422}),
    "an endless number": (lambda body: with_raw(body, b"9" * 10_000), {400, 422}),
    "deep nesting": (lambda body: with_raw(body, b"[" * 40 + b"]" * 40), {422}),
    "nesting without end": (lambda body: b"[" * 500_000, {400, 422}),
    "an unknown field": (lambda body: encoded(body, favourite_colour="blue"), {422}),
    "NUL": (lambda body: with_first_string(body, "a\0b"), {422}),
    "a lone surrogate": (lambda body: with_first_string(body, "a\ud800b"), {422}),
    "a number for a text": (lambda body: encoded(dict.fromkeys(body, 36)), {422}),
    "true for anything": (lambda body: encoded({key: [True] for key in body}), {422}),
    "50 MB": (lambda body: with_first_string(body, "x" * 50_000_000), {413}),
    "2 MB": (lambda body: with_first_string(body, "x" * 2_000_000), {413}),
}


class Target:
    """A caller with things to refer to."""

    def __init__(self, intake: Intake, caller: Caller, ids: dict[str, str]) -> None:
        self.intake, self.caller, self.ids = intake, caller, ids
        principal = Principal(
            tenant=caller.organisation_id,
            id=new_id(),
            kind="person",
            roles=frozenset({"administrator"}),
        )
        self.administrator = intake.plain()
        token = intake.app.state.issuer.issue(principal)
        self.administrator.headers["Authorization"] = f"Bearer {token}"

    def filled(self, text: str) -> str:
        for name, value in self.ids.items():
            text = text.replace("{" + name + "}", value)
        return text

    def body(self, call: str) -> dict[str, Any]:
        filled: dict[str, Any] = json.loads(self.filled(json.dumps(GOOD[call])))
        return filled

    async def send(self, call: str, content: bytes, **headers: str) -> Any:
        method, path = self.filled(call).split(" ", 1)
        by = self.administrator if call in FOR_PEOPLE_ALONE else self.caller.http
        return await by.request(method, f"/intake{path}", content=content, headers=JSON | headers)


@pytest.fixture(scope="module")
async def target(intake: Intake) -> Target:
    caller = await intake.new_caller()
    episode = await caller.episode()
    session = await caller.made("/intake/v1/sessions", SESSION | {"episode_id": episode["id"]})
    ids = {
        "client_id": episode["client_id"],
        "episode_id": episode["id"],
        "session_id": session["id"],
        **{f"{name}_id": new_id() for name in ("related", "request", "team", "person")},
        "integration_id": new_id(),
    }
    return Target(intake, caller, ids)


def assert_problem(answer: Any) -> None:
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem.keys() >= {"type", "title", "status", "detail", "code", "trace_id"}


def test_every_call_with_a_body_is_tried(intake: Intake) -> None:
    document = intake.app.openapi()
    calls = {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if "requestBody" in operation
    }
    assert calls == GOOD.keys() | WITHOUT_JSON | A_LIST


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("call", GOOD)
async def test_bad_bodies_are_refused_and_change_nothing(
    target: Target, call: str, kind: str
) -> None:
    make, expected = BAD[kind]
    before = len(await target.intake.events())
    answer = await target.send(call, make(target.body(call)))
    assert answer.status_code in expected, answer.text
    assert_problem(answer)
    assert "blue" not in answer.text
    assert len(await target.intake.events()) == before


@pytest.mark.parametrize("call", GOOD)
async def test_other_media_types_are_refused(target: Target, call: str) -> None:
    content = encoded(target.body(call))
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"):
        answer = await target.send(call, content, **{"Content-Type": media_type})
        assert answer.status_code == 415
        assert_problem(answer)
    latin = {"Content-Type": "application/json; charset=latin-1"}
    assert (await target.send(call, content, **latin)).status_code == 415


TIMES = {
    "opened_at": "POST /v1/episodes",
    "closed_at": "POST /v1/episodes/{episode_id}/close",
    "at": "POST /v1/clients/{client_id}/consents",
    "starts_at": "POST /v1/sessions",
}


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize(
    "value",
    [
        "2026-02-01T09:00:00",
        "2026-02-01",
        "2026-02-30T09:00:00Z",
        "1769936400",
        1769936400,
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2099-01-01T00:00:00Z",
        "yesterday",
    ],
)
async def test_times_without_offset_or_in_the_future_are_refused(
    target: Target, name: str, value: str | int
) -> None:
    call = TIMES[name]
    answer = await target.send(call, encoded(target.body(call), **{name: value}))
    assert answer.status_code == 422
    assert_problem(answer)
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{name}"]


@pytest.mark.parametrize(
    "thing_id",
    [
        "x",
        "%00",
        "..%2f..%2fetc",
        "00000000-0000-0000-0000-000000000000",
        "'; DROP TABLE events; --",
        "%ff%fe",
        "🙂",
        "a" * 5000,
    ],
)
async def test_hostile_ids_are_not_found(target: Target, thing_id: str) -> None:
    for call in ("clients/{}", "episodes/{}"):
        answer = await target.caller.http.get(f"/intake/v1/{call.format(thing_id)}")
        assert answer.status_code == 404
        assert_problem(answer)


async def test_words_are_kept_as_they_came(target: Target) -> None:
    words = "<script>alert(1)</script> =1+1 \u202e 🙂"
    made = await target.caller.client(given_name=words)
    read = await target.caller.http.get(f"/intake/v1/clients/{made['id']}")
    assert read.json()["given_name"] == words
    assert read.headers["content-type"] == "application/json"
    assert read.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("?on_conflict=overwrite", {}),
        ("?mode=future", {}),
        ("", {"Idempotency-Key": ""}),
        ("", {"Idempotency-Key": "x" * 201}),
        ("", {"Idempotency-Key": "a b"}),
    ],
)
async def test_bad_parameters_are_refused(
    target: Target, query: str, headers: dict[str, str]
) -> None:
    before = len(await target.intake.events())
    body = target.body("POST /v1/episodes")
    answer = await target.caller.http.post(
        f"/intake/v1/episodes{query}", json=body, headers=headers
    )
    assert answer.status_code in {400, 422}
    assert_problem(answer)
    assert len(await target.intake.events()) == before


async def test_a_bad_etag_or_position_is_refused(target: Target) -> None:
    path = f"/intake/v1/clients/{target.ids['client_id']}"
    for tag in ("5", 'W/"x"', '"five"', '"99999999999"'):
        answer = await target.caller.http.patch(path, json={}, headers={"If-Match": tag})
        assert answer.status_code == 400
    answer = await target.caller.http.get(path, params={"min_position": "nonsense!"})
    assert answer.status_code == 422
    assert_problem(answer)


async def test_what_is_not_there_is_a_problem_too(target: Target) -> None:
    for method, path, status in (
        ("GET", "/intake/nowhere", 404),
        ("DELETE", "/intake/v1/clients", 405),
        ("GET", "/nowhere", 404),
    ):
        answer = await target.caller.http.request(method, path)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"


async def test_while_the_database_is_away_nothing_is_claimed(
    intake: Intake, caller: Caller
) -> None:
    """A documented 503 instead of a false success or a 500."""
    settings = Settings(
        database_url="postgresql://heroic_app:x@127.0.0.1:1/nowhere",
        keys_url=intake.settings.keys_url,
        key_encryption_key=intake.settings.key_encryption_key,
        public_url=intake.settings.public_url,
        signing_keys=intake.settings.signing_keys,
    )
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(mount({"intake": app}), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://heroic.test") as http:
            http.headers["Authorization"] = caller.http.headers["Authorization"]
            for answer in (
                await http.post("/intake/v1/clients", json={"external_id": "p-1"}),
                await http.get(f"/intake/v1/clients/{CLINICIAN}"),
                await http.get("/intake/health/ready"),
            ):
                assert answer.status_code == 503
                assert_problem(answer)
                assert int(answer.headers["retry-after"]) >= 1
            assert (await http.get("/intake/health/live")).status_code == 200
            lines = b'{"kind":"client"}\n{"kind":"client"}'
            bulk = await http.post(
                "/intake/v1/bulk", content=lines, headers={"Content-Type": "application/x-ndjson"}
            )
            # Nobody can say any more whose token it is, so there is no answer a line either.
            assert bulk.status_code == 503
            assert_problem(bulk)
