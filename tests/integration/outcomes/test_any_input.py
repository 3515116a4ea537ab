"""No input makes a 5xx, whether the document allows it or not."""

import asyncio
import copy

import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from shared.ids import new_id
from tests.integration.outcomes.home import Home
from tests.support.asking import ask_everything, takes_input
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
        if mode is GenerationMode.NEGATIVE and not takes_input(found.ok()):
            continue
        await asyncio.to_thread(ask_everything, found.ok(), home.base_url, headers, mode)
