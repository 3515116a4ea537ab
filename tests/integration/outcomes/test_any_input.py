"""No input makes a 5xx, whether the document allows it or not."""

import asyncio
import copy
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation

from shared.ids import new_id
from tests.integration.outcomes.home import Home
from tests.unit.outcomes.story import Story


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
async def test_no_input_makes_a_5xx_but_the_documented_503(
    shared_home: Home, mode: GenerationMode
) -> None:
    home, tenant = shared_home, new_id()
    await home.keyring.create([(tenant, tenant)])
    story = Story(new_id(), new_id(), tenant)
    story.register()
    story.rate("a", 200, day=0)
    await home.live(*story.events)
    document = copy.deepcopy(home.app.openapi())
    # A stream does not end; what it may be asked is tried elsewhere.
    del document["paths"]["/v1/stream"]
    async with home.http(tenant) as http:
        headers = dict(http.headers)
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        assert isinstance(found, Ok)
        if mode is GenerationMode.NEGATIVE and not takes_something(found.ok()):
            continue
        await asyncio.to_thread(ask_everything, found.ok(), home.base_url, headers, mode)


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
