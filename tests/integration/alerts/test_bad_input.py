"""Bad input gets a clear problem document, and changes nothing."""

import asyncio
import copy
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation

from shared.ids import new_id
from tests.integration.alerts.home import Home

Operation = APIOperation[Any, Any, Any, Any]

DEEP = b'{"reason":' + b"[" * 40 + b"]" * 40 + b"}"
BODIES = {
    "not json": b"nonsense",
    "not an object": b"[]",
    "empty": b"",
    "not utf-8": b'{"reason":"\xff"}',
    "duplicate keys": b'{"reason":"a","reason":"b"}',
    "nan": b'{"reason":NaN}',
    "huge number": b'{"reason":1e309}',
    "number for a text": b'{"reason":36}',
    "true for a text": b'{"reason":true}',
    "null": b'{"reason":null}',
    "empty text": b'{"reason":""}',
    "nul": b'{"reason":"a\\u0000"}',
    "lone surrogate": b'{"reason":"\\ud800"}',
    "unknown field": b'{"reason":"a","reasons":"b"}',
    "too long": b'{"reason":"' + b"a" * 10_001 + b'"}',
    "deep": DEEP,
    "too large": b'{"reason":"' + b"a" * (1024 * 1024) + b'"}',
    "nameless actor": b'{"reason":"a","actor":""}',
}
QUERIES = (
    "limit=1e9",
    "limit=0",
    "limit=-1",
    "limit=201",
    "limit=many",
    "cursor=nonsense",
    "cursor=%00",
    "cursor=" + "a" * 501,
    "cursor=gqhub25zZW5zZQE",
    "status=closed",
    "status=",
    "severity=deadly",
    "rule=risk",
    "client_id=1%27%20OR%201=1",
    "client_id=../../etc/passwd",
    "assignee=me",
)


@pytest.fixture
async def link(home: Home) -> str:
    """The path of an open alert that a person may resolve."""
    await home.assess(await home.new_client(), True)
    async with home.http() as http:
        [alert] = (await http.get("/v1/alerts")).json()["items"]
    return f"/v1/alerts/{alert['id']}"


def assert_problem(answer: httpx.Response) -> None:
    """A 4xx with a problem document that does not repeat what was sent."""
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_a_bad_body_is_refused_and_the_alert_stays_open(
    home: Home, link: str, body: bytes
) -> None:
    headers = {"Content-Type": "application/json"}
    async with home.http() as http:
        assert_problem(await http.post(f"{link}/resolve", content=body, headers=headers))
        assert (await http.get(link)).json()["version"] == 1


async def test_only_json_is_read(home: Home, link: str) -> None:
    async with home.http() as http:
        answer = await http.post(f"{link}/resolve", data={"reason": "a"})
        assert answer.status_code == 415
        assert_problem(answer)


@pytest.mark.parametrize("query", QUERIES)
async def test_a_bad_parameter_is_422(home: Home, query: str) -> None:
    async with home.http() as http:
        answer = await http.get(f"/v1/alerts?{query}")
    assert answer.status_code == 422
    assert_problem(answer)


@pytest.mark.parametrize("hostile", ["1", "%00", "..%2f..", "' OR 1=1 --", "😀", "A" * 3000])
async def test_a_hostile_id_finds_nothing(home: Home, hostile: str) -> None:
    async with home.http() as http:
        for answer in (
            await http.get(f"/v1/alerts/{hostile}"),
            await http.post(f"/v1/alerts/{hostile}/acknowledge", json={}),
        ):
            assert_problem(answer)


async def test_an_id_that_nobody_has_is_404(home: Home) -> None:
    async with home.http() as http:
        assert (await http.get(f"/v1/alerts/{new_id()}")).status_code == 404


@pytest.mark.parametrize("header", ["", "a b", "a" * 201, "\u00e4".encode().decode("latin-1")])
async def test_a_bad_idempotency_key_is_refused(home: Home, link: str, header: str) -> None:
    headers = [(b"Idempotency-Key", header.encode("latin-1"))]
    async with home.http() as http:
        answer = await http.post(f"{link}/resolve", json={"reason": "a"}, headers=headers)
        assert_problem(answer)
        assert (await http.get(link)).json()["version"] == 1


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
async def test_nothing_that_can_be_asked_makes_a_5xx(
    home: Home, link: str, mode: GenerationMode
) -> None:
    document = copy.deepcopy(home.app.openapi())
    # A stream does not end; what it may be asked is tried elsewhere.
    paths = ["/v1/stream"]
    if mode.is_negative:
        # Nothing that they are asked is against their description.
        paths += ["/v1/counts", "/v1/export", "/v1/clients/{client_id}/export"]
    for path in paths:
        del document["paths"][path]
    schema = schemathesis.openapi.from_dict(document)
    async with home.http() as http:
        headers = dict(http.headers)
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        await asyncio.to_thread(ask_everything, operation, home.base_url, headers, mode)


def ask_everything(
    operation: APIOperation[Any, Any, Any, Any],
    base_url: str,
    headers: dict[str, str],
    mode: GenerationMode,
) -> None:
    """Requests of an operation, as its description allows them or as it does not."""

    @settings(
        max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case[Any]) -> None:
        answer = case.call(base_url=base_url, headers=headers)
        assert answer.status_code < 500 or answer.status_code == 503, answer.content
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == ["application/problem+json"]

    ask()
