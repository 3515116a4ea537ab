"""No input makes a 5xx, whether the document allows it or not."""

import asyncio
import copy
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode, SerializationContext
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation

from tests.support.feedback import Feedback, served


@schemathesis.serializer("application/x-ndjson")
def lines(_: SerializationContext, value: Any) -> bytes:
    """Lines of whatever was generated."""
    return msgspec.json.encode(value)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
async def test_no_input_makes_a_5xx_but_the_documented_503(
    feedback: Feedback, mode: GenerationMode
) -> None:
    document = copy.deepcopy(feedback.app.openapi())
    async with served(feedback.app) as base_url:
        for found in schemathesis.openapi.from_dict(document).get_all_operations():
            assert isinstance(found, Ok)
            if mode is GenerationMode.NEGATIVE and not takes_something(found.ok()):
                continue
            await asyncio.to_thread(ask_everything, found.ok(), base_url, feedback.headers(), mode)


def takes_something(operation: APIOperation[Any, Any, Any, Any]) -> bool:
    """Whether anything about a request can be wrong: any text may stand in a path."""
    asked = [one for one in operation.iter_parameters() if one.location == "query"]
    return bool(operation.body or asked)


def ask_everything(
    operation: APIOperation[Any, Any, Any, Any],
    base_url: str,
    headers: dict[str, str],
    mode: GenerationMode,
) -> None:
    """Requests of an operation, and answers as its description says."""

    @settings(
        max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case[Any]) -> None:
        answer = case.call(base_url=base_url, headers=headers)
        assert answer.status_code < 500 or answer.status_code == 503, answer.content
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == ["application/problem+json"]
        if answer.status_code == 200:
            case.operation.validate_response(answer)

    ask()
