"""What every service has in common, on a small one."""

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import Message

from shared import telemetry
from shared.errors import Invalid, TooManyRequests, TooSlow, Unavailable
from shared.security import Principal, SigningKeys, TokenIssuer, TokenVerifier
from shared.web import (
    ApiModel,
    LineResult,
    NdjsonResponse,
    Paging,
    body,
    chunks,
    create_api,
    encode_cursor,
    mount,
    ndjson,
    ndjson_response,
    page_of,
    page_response,
    paging,
    requires,
)
from shared.web.body import BYTES_A_SECOND, read_body
from shared.web.headers import SECURITY_HEADERS, new_nonce, page_headers

ISSUER = "http://heroic.test"
SECRET = "what a client said"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
router = APIRouter(prefix="/v1")


class Thing(ApiModel):
    """A thing."""

    name: str


@router.post("/things", response_model=Thing)
async def make(
    principal: Annotated[Principal, Depends(requires("clients.write"))],
    thing: Annotated[Thing, Depends(body(Thing))],
) -> Response:
    """Make a thing."""
    return Response(thing.model_dump_json(), media_type="application/json")


@router.get("/things")
async def things(request: Request, page: Annotated[Paging, Depends(paging)]) -> Response:
    """Numbers from 0 to 9."""
    start = page.after(tuple[int, str])
    rows = [number for number in range(10) if start is None or number > start[0]]
    items, following = page_of(rows[: page.limit + 1], page.limit, lambda last: (last, "x"))
    return page_response(items, following, request)


@router.get("/things/{name}")
async def fail(name: str) -> Response:
    """Fail in some way."""
    errors: dict[str, Exception] = {
        "away": Unavailable(retry_after=7),
        "often": TooManyRequests(retry_after=9),
        "wrong": Invalid("no"),
        "broken": RuntimeError(SECRET),
    }
    raise errors[name]


@router.post("/lines", response_class=NdjsonResponse)
async def lines(
    given: Annotated[list[tuple[int, bytes]], Depends(ndjson(Thing))],
) -> NdjsonResponse:
    """Count."""

    async def results() -> AsyncIterator[list[LineResult]]:
        for some in chunks(given, 2):
            yield [LineResult(number, "created", raw.decode()) for number, raw in some]

    return ndjson_response(results())


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield


async def not_ready() -> None:
    raise Unavailable("no database")


@pytest.fixture
def keys() -> SigningKeys:
    return SigningKeys.generate()


@pytest.fixture
def asgi(keys: SigningKeys) -> Starlette:
    app = create_api(
        "demo",
        title="Demo",
        routers=[router],
        lifespan=lifespan,
        verifier=TokenVerifier(keys, ISSUER),
        ready=not_ready,
    )
    return mount({"demo": app})


@pytest.fixture
async def http(asgi: Starlette, keys: SigningKeys) -> AsyncIterator[httpx.AsyncClient]:
    principal = Principal(
        tenant="0190a7d0-0000-7000-8000-00000000000a",
        id="i",
        kind="integration",
        scopes=frozenset({"intake.write"}),
    )
    transport = httpx.ASGITransport(asgi, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=ISSUER) as client:
        client.headers["Authorization"] = f"Bearer {TokenIssuer(keys, ISSUER).issue(principal)}"
        yield client


async def test_an_unexpected_error_tells_nothing(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await http.get("/demo/v1/things/broken", headers={"traceparent": TRACEPARENT})
    assert answer.status_code == 500
    assert answer.json()["trace_id"] == TRACEPARENT[3:35]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert SECRET not in answer.text
    assert SECRET not in caplog.text
    assert "RuntimeError" in caplog.text


@pytest.mark.parametrize(("name", "status", "after"), [("away", 503, "7"), ("often", 429, "9")])
async def test_who_may_try_again_is_told_when(
    http: httpx.AsyncClient, name: str, status: int, after: str
) -> None:
    answer = await http.get(f"/demo/v1/things/{name}")
    assert (answer.status_code, answer.headers["retry-after"]) == (status, after)
    assert answer.json()["instance"] == "/demo/v1/things/{name}"


async def test_a_list_can_be_walked_to_its_end(http: httpx.AsyncClient) -> None:
    seen: list[int] = []
    path: str | None = "/demo/v1/things?limit=4"
    while path:
        answer = await http.get(path)
        seen += answer.json()["items"]
        path = answer.links.get("next", {}).get("url")
        assert (path is None) == (answer.json()["next"] is None)
    assert seen == list(range(10))


@pytest.mark.parametrize(
    "query",
    [
        "limit=1e9",
        "limit=201",
        "limit=0",
        "limit=-1",
        "limit=x",
        "cursor=",
        "cursor=!!!",
        "cursor=%00",
        "cursor=%F0%9F%99%82",
        "cursor=" + encode_cursor("a text"),
        "cursor=" + encode_cursor((1, "\0")),
        "cursor=" + encode_cursor((1, 2)),
        "cursor=" + "x" * 501,
    ],
)
async def test_pages_that_cannot_be_are_refused(http: httpx.AsyncClient, query: str) -> None:
    answer = await http.get(f"/demo/v1/things?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] in {"/limit", "/cursor"}


async def test_lines_keep_their_numbers(http: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/x-ndjson"}
    answer = await http.post("/demo/v1/lines", content=b"a\r\n\n \nb\nc", headers=headers)
    results = [json.loads(line) for line in answer.text.splitlines()]
    assert [(one["line"], one["id"].strip()) for one in results] == [(1, "a"), (4, "b"), (5, "c")]
    assert (await http.post("/demo/v1/lines", content=b"", headers=headers)).text == ""


async def test_a_body_is_cut_off_where_it_is_too_large(http: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 100_000
            yield b" " * 100_000

    headers = {"Content-Type": "application/json"}
    answer = await http.post("/demo/v1/things", content=endless(), headers=headers)
    assert answer.status_code == 413
    assert sent < 2_000_000


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "gzip, gzip", "x"])
async def test_what_is_compressed_is_refused_and_never_inflated(
    http: httpx.AsyncClient, coding: str
) -> None:
    bomb = gzip.compress(b'{"name":"' + b"x" * 10_000_000 + b'"}')
    for path, kind in (("things", "application/json"), ("lines", "application/x-ndjson")):
        headers = {"Content-Type": kind, "Content-Encoding": coding}
        answer = await http.post(f"/demo/v1/{path}", content=bomb, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_a_body_that_does_not_come_is_waited_for_a_while_and_no_longer() -> None:
    asked: list[Message] = []

    async def receive() -> Message:
        if not asked:
            asked.append({"type": "http.request", "body": b'{"na', "more_body": True})
            return asked[0]
        await asyncio.Event().wait()
        raise AssertionError

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
    with pytest.raises(TooSlow):
        await read_body(Request(scope, receive), seconds=0.05)


async def test_a_body_may_take_the_longer_the_more_of_it_has_come() -> None:
    left = 6

    async def receive() -> Message:
        nonlocal left
        left -= 1
        await asyncio.sleep(0.1)
        return {"type": "http.request", "body": b"x" * BYTES_A_SECOND, "more_body": left > 0}

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
    raw = await read_body(Request(scope, receive), seconds=0.3)
    assert len(raw) == 6 * BYTES_A_SECOND


async def test_who_sends_too_much_is_not_listened_to_any_longer(http: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await http.post("/demo/v1/things", content=b" " * 1_100_000, headers=headers)
    assert (answer.status_code, answer.headers["connection"]) == (413, "close")


async def test_every_answer_says_what_browsers_may_do_with_it(http: httpx.AsyncClient) -> None:
    for path in ("/demo/v1/things", "/demo/v1/things/broken", "/demo/nowhere", "/", "/nowhere"):
        headers = (await http.get(path)).headers
        for name, value in SECURITY_HEADERS:
            assert headers[name.decode()] == value.decode(), (path, name)


def test_pages_run_only_what_was_written_into_them() -> None:
    nonce = new_nonce()
    policy = page_headers(nonce)["Content-Security-Policy"]
    assert f"script-src 'nonce-{nonce}'" in policy
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert len({new_nonce() for _ in range(1000)}) == 1000


async def test_health_says_whether_it_lives_and_whether_it_can_work(
    http: httpx.AsyncClient,
) -> None:
    assert (await http.get("/demo/health/live")).status_code == 200
    assert (await http.get("/demo/health/ready")).status_code == 503


async def test_the_document_describes_bodies_scopes_and_problems(http: httpx.AsyncClient) -> None:
    document: dict[str, Any] = (await http.get("/demo/openapi.json")).json()
    operation = document["paths"]["/v1/things"]["post"]
    assert operation["security"] == [{"oauth2": ["intake.write"]}, {"session": []}]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Thing"}
    assert document["components"]["schemas"]["Thing"]["additionalProperties"] is False
    statuses = {"401", "403", "404", "409", "413", "415", "422", "429", "503"}
    assert operation["responses"].keys() >= statuses
    assert document["servers"] == [{"url": "/demo"}]
    docs = await http.get("/demo/docs")
    assert "POST /demo/v1/things" in docs.text
    assert "<script" not in docs.text


async def test_requests_are_measured_by_route_and_never_by_path(http: httpx.AsyncClient) -> None:
    await http.get("/demo/v1/things/wrong")
    await http.get(f"/demo/{SECRET}")
    labels = {"service": "demo", "method": "GET", "status": "422"}
    counted = REGISTRY.get_sample_value(
        "heroic_http_request_seconds_count", labels | {"route": "/demo/v1/things/{name}"}
    )
    assert counted
    assert counted >= 1
    assert not any(
        SECRET in str(sample.labels) for metric in REGISTRY.collect() for sample in metric.samples
    )


async def test_a_caller_who_hangs_up_is_no_error_of_ours(
    asgi: Starlette, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    said: list[Message] = [
        {"type": "http.request", "body": b'{"name":', "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        return said.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    request = http.build_request("POST", "/demo/v1/things", json={})
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/demo/v1/things",
        "query_string": b"",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "root_path": "",
    }
    labels = {"service": "demo", "method": "POST", "route": "/demo/v1/things"}
    before = {status: count_of(labels | {"status": status}) for status in ("499", "500")}
    await asgi(scope, receive, send)
    assert sent == []
    assert count_of(labels | {"status": "499"}) == before["499"] + 1
    assert count_of(labels | {"status": "500"}) == before["500"]
    [line] = [one for one in caplog.records if one.name.startswith("shared.")]
    assert (line.levelname, line.exc_info) == ("INFO", None)
    assert "hung up" in line.getMessage()


def count_of(labels: dict[str, str]) -> float:
    """How many requests with these labels have been measured."""
    return REGISTRY.get_sample_value("heroic_http_request_seconds_count", labels) or 0.0


async def test_a_request_is_one_span_of_its_callers_trace(http: httpx.AsyncClient) -> None:
    exporter = InMemorySpanExporter()
    telemetry.trace_to(SimpleSpanProcessor(exporter), "demo")
    try:
        await http.get("/demo/v1/things/wrong", headers={"traceparent": TRACEPARENT})
        await http.get("/demo/v1/things/broken", headers={"traceparent": "nonsense"})
    finally:
        telemetry.shutdown()
    first, second = exporter.get_finished_spans()
    assert first.name == "GET /demo/v1/things/{name}"
    assert f"{first.context.trace_id:032x}" == TRACEPARENT[3:35]
    assert first.attributes is not None
    assert first.attributes["http.response.status_code"] == 422
    assert first.resource.attributes["service.name"] == "demo"
    assert second.name == "GET /demo/v1/things/{name}"
    assert not second.status.is_ok
    assert SECRET not in second.to_json()


async def test_a_call_of_too_many_lines_is_refused_as_a_whole(http: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/x-ndjson"}
    answer = await http.post("/demo/v1/lines", content=b"1\n" * 200_001, headers=headers)
    assert answer.status_code == 413
