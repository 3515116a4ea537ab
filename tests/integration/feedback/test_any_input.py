"""No input makes a 5xx, whether the document allows it or not."""

import asyncio
import copy
from typing import Any

import msgspec
import pytest
import schemathesis
from schemathesis import GenerationMode, SerializationContext
from schemathesis.core.result import Ok

from tests.support.asking import ask_everything, takes_input
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
            if mode is GenerationMode.NEGATIVE and not takes_input(found.ok()):
                continue
            await asyncio.to_thread(ask_everything, found.ok(), base_url, feedback.headers(), mode)
