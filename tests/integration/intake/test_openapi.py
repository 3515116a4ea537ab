"""Intake's OpenAPI document against the running thing: generated calls find no unplanned 5xx."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode, SerializationContext
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from deploy.local.ports import LOOPBACK, free_ports
from tests.integration.intake.home import Caller, Intake
from tests.support.asking import Operation, takes_input

EXAMPLES = 20


@schemathesis.serializer("application/x-ndjson")
def lines(_: SerializationContext, value: Any) -> bytes:
    """Lines of whatever was generated."""
    return msgspec.json.encode(value)


@pytest.fixture
async def base_url(intake: Intake) -> AsyncIterator[str]:
    """Intake on a real port."""
    [port] = free_ports(1)
    config = uvicorn.Config(
        intake.asgi, host=LOOPBACK, port=port, lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield f"http://{LOOPBACK}:{port}/intake"
    server.should_exit = True
    await serving


@pytest.mark.timeout(400)
@pytest.mark.parametrize("mode", list(GenerationMode))
async def test_generated_calls_are_answered_as_documented(
    intake: Intake, caller: Caller, base_url: str, mode: GenerationMode
) -> None:
    client = await caller.client(external_id="p-1")
    episode = await caller.episode(client_id=client["id"])
    document = intake.app.openapi()
    knowns = [None] if mode.is_negative else [client["id"], episode["id"], None]
    for known in knowns:
        schema = schemathesis.openapi.from_dict(document)
        headers = {"Authorization": caller.http.headers["Authorization"]}
        for found in schema.get_all_operations():
            assert isinstance(found, Ok)
            if mode.is_negative and not takes_input(found.ok()):
                continue
            await asyncio.to_thread(try_calls, found.ok(), base_url, headers, mode, known)


def try_calls(
    operation: Operation,
    base_url: str,
    headers: dict[str, str],
    mode: GenerationMode,
    known: str | None,
) -> None:
    """Calls of an operation, as its description allows or forbids; with an id that exists."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def try_call(case: Case[Any]) -> None:
        if known is not None:
            case.path_parameters = dict.fromkeys(case.path_parameters or {}, known)
        answer = case.call(base_url=base_url, headers=headers)
        assert answer.status_code < 500 or answer.status_code == 503, answer.content
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == ["application/problem+json"]
        checks = [status_code_conformance, content_type_conformance, response_schema_conformance]
        case.validate_response(answer, checks=checks)

    try_call()
