"""Two organisations with the same data: nothing of one is ever told to the other, neither with
both walls around a tenant nor with row-level security alone."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.integration.access.calls import Call, calls, streams
from tests.integration.access.naked import (
    no_filters_in_functions,
    no_filters_in_queries,
    no_walls,
)
from tests.integration.access.test_matrix import unknown
from tests.integration.access.world import MACHINES, World
from tests.support.platform import Ground, open_platform

ASKING = ("integration", "administrator", "clinician", "supervisor", "client", "operator")
FEW = ASKING[:3]
NAMES = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}")
SEARCHES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/intake/v1/clients/search", {"external_id": "p-1"}),
    ("/intake/v1/clients/search", {"identifier": {"system": "mrn", "value": "mrn-1"}}),
)

Worlds = tuple[World, World]

# Whoever comes first here waits until there is a platform.
pytestmark = pytest.mark.timeout(300)


async def answer_of(
    http: httpx.AsyncClient, call: Call, things: dict[str, str], *, machine: bool
) -> tuple[int, str]:
    """Status, headers and body; of what goes on without end, what comes before it."""
    address, options = call.filled(things, machine=machine)
    async with http.stream(call.method, address, **options) as answer:
        if not streams(call):
            await answer.aread()
        said = "" if streams(call) else answer.text
        headers = {name: value for name, value in answer.headers.items() if name != "date"}
        return answer.status_code, f"{headers}\n{said}"


def shape_of(said: str) -> str:
    """What is said, but for ids: those of traces, and of what it speaks of."""
    return NAMES.sub("_", said)


def secrets_of(world: World) -> Iterator[str]:
    """All that nobody else may be told: ids, and the name that is in all its words."""
    yield world.tenant
    yield world.name
    common = {"role", "other_client"}
    yield from (value for thing, value in world.things.items() if thing not in common)


async def leaks(worlds: Worlds, asking: Sequence[str] = ASKING) -> list[str]:
    """Where the second organisation's things are told of, or answered unlike unknown ones."""
    own, other = worlds
    found = []
    for caller in asking:
        async with own.http(caller) as http:
            for call in calls(own.platform.apps):
                found += await leaks_of(http, call, worlds, machine=caller in MACHINES)
            for path, body in SEARCHES:
                answer = await http.post(path, json=body)
                found += [f"{path}: {one}" for one in secrets_of(other) if one in answer.text]
    return found


async def leaks_of(
    http: httpx.AsyncClient, call: Call, worlds: Worlds, *, machine: bool
) -> list[str]:
    """Those of one call; what makes or changes something of one's own is not tried."""
    own, other = worlds
    if call.method != "GET" and not call.things:
        return []
    kept = {"administrator": own.things["administrator"]}
    of_others = await answer_of(http, call, other.things | kept, machine=machine)
    found = [f"{call.name}: {one}" for one in secrets_of(other) if one in of_others[1]]
    if call.things:
        nobodys = await answer_of(http, call, unknown(own.things) | kept, machine=machine)
        if (of_others[0], shape_of(of_others[1])) != (nobodys[0], shape_of(nobodys[1])):
            found.append(f"{call.name}: {of_others[0]} is not {nobodys[0]}, or told otherwise")
    return found


async def test_nothing_of_another_organisation_is_ever_told(worlds: Worlds) -> None:
    found = await leaks(worlds)
    assert not found, "\n".join(found)


async def test_row_level_security_alone_holds_every_call(
    worlds: Worlds, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every filter by tenant is taken out of every query: then the second wall is the only one."""
    async with no_filters_in_functions(ground.urls):
        with no_filters_in_queries(monkeypatch) as changed:
            async with open_platform(ground) as naked:
                own, other = (replace(world, platform=naked) for world in worlds)
                found = await leaks((own, other), FEW)
                assert not found, "\n".join(found)
    assert len(set(changed)) > 20
    # Without that wall too, there is much to be found: these tests would see it.
    async with no_filters_in_functions(ground.urls), no_walls(ground.urls):
        with no_filters_in_queries(monkeypatch):
            async with open_platform(ground) as naked:
                own, other = (replace(world, platform=naked) for world in worlds)
                assert len(await leaks((own, other), FEW[:1])) > 20
