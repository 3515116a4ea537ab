"""Who may call what: every operation as every caller, on what is theirs and what is not."""

from collections.abc import Mapping

import httpx
import pytest

from shared.ids import new_id
from tests.integration.access.calls import OF_CLIENTS, Call, call_named, calls, streams
from tests.integration.access.expectations import (
    MAY,
    NOT_THERE,
    WHOSE,
    Whose,
    expected,
    told,
)
from tests.integration.access.world import (
    CALLERS,
    MACHINES,
    World,
    ask_for_erasure,
    new_cases,
    new_machine,
    new_person,
)
from tests.support.platform import SERVICES, Platform

Worlds = tuple[World, World]

# Whoever comes first here waits until there is a platform.
pytestmark = pytest.mark.timeout(300)


async def status_of(
    http: httpx.AsyncClient, call: Call, things: Mapping[str, str], *, machine: bool
) -> int:
    """What is answered; of what goes on without end, how it begins."""
    address, options = call.filled(things, machine=machine)
    async with http.stream(call.method, address, **options) as answer:
        if not streams(call):
            await answer.aread()
        return answer.status_code


def unknown(things: Mapping[str, str]) -> dict[str, str]:
    """Names for things that do not exist."""
    found = {thing: new_id() for thing in things}
    return found | {"measure": "no-such-measure", "role": things["role"]}


def changes_a_case(call: Call) -> bool:
    """Whether who may call it, leaves something of a client's other than it was."""
    return call.method != "GET" and bool(call.things & OF_CLIENTS)


class Things:
    """What calls speak of; who may change something, does so to things that nobody else uses."""

    def __init__(self, worlds: Worlds) -> None:
        self._own, self._other = worlds
        self._cases: list[dict[str, str]] = []

    async def prepare(self, count: int) -> None:
        """Have so many cases at hand."""
        self._cases = await new_cases(self._own, [new_id() for _ in range(count)])

    async def of(self, call: Call, whose: Whose) -> dict[str, str]:
        """Those of a call."""
        own = self._own.things
        if whose == "another's":
            return self._other.things | {"administrator": own["administrator"]}
        if whose == "unknown":
            return unknown(own) | {"administrator": own["administrator"]}
        if call.method == "GET":
            return own
        things = own | (self._cases.pop() if changes_a_case(call) else {})
        things |= await new_things(self._own, call.things, things)
        for name in call.example.first:
            before = call_named(self._own.platform.apps, name)
            who = "administrator" if "integration" in call.things else "integration"
            async with self._own.http(who) as http:
                assert await status_of(http, before, things, machine=True) < 300, name
        return things


async def new_things(world: World, wanted: set[str], things: Mapping[str, str]) -> dict[str, str]:
    """Those that a call might use up."""
    found: dict[str, str] = {}
    if "request" in wanted:
        found["request"] = await ask_for_erasure(world, things["client"])
    if "integration" in wanted:
        found |= await new_machine(world)
    if "person" in wanted:
        found["person"] = await new_person(world)
    return found


async def differences(call: Call, own: World, all_things: Things) -> list[str]:
    """Where what is answered to a call is not what the table says."""
    found, made = [], False
    for whose in WHOSE if call.things else WHOSE[:1]:
        things = await all_things.of(call, whose)
        # Clients are who they are, whatever they speak of.
        case = things if whose == "own" else None
        wanted = {caller: expected(call, caller, whose, own) for caller in CALLERS}
        # Those who may come last: what they do is there for all that come after them.
        for caller in sorted(CALLERS, key=lambda one: wanted[one] == MAY):
            async with own.http(caller, case) as http:
                status = await status_of(http, call, things, machine=caller in MACHINES)
            gone = call.method == "DELETE" and made and str(status) == NOT_THERE
            fits = told(status) == wanted[caller] or (gone and wanted[caller] == MAY)
            if not fits and not call.is_public:
                found.append(f"{call.name}, {whose}, {caller}: {wanted[caller]}, was {status}")
            made |= wanted[caller] == MAY and status < 300
    # A session that nobody has, nobody can end.
    if not made and not call.is_public and call.permission != "session.own":
        found.append(f"{call.name}: nobody could")
    return found


@pytest.mark.parametrize("service", SERVICES)
async def test_everybody_may_what_the_table_says_and_nothing_else(
    platform: Platform, worlds: Worlds, service: str
) -> None:
    every, things = list(calls({service: platform.apps[service]})), Things(worlds)
    await things.prepare(sum(map(changes_a_case, every)))
    found = []
    for call in every:
        found += await differences(call, worlds[0], things)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("service", SERVICES)
async def test_one_strange_name_among_ones_own_is_enough_to_be_refused(
    platform: Platform, worlds: Worlds, service: str
) -> None:
    """Each thing that a call speaks of in turn is another organisation's, or unknown: both are
    answered alike, and nothing is done to anything."""
    own, other = worlds
    found = []
    async with own.http("integration") as machine, own.http("administrator") as person:
        for call in calls({service: platform.apps[service]}):
            for thing in sorted(call.things) if len(call.things) > 1 else ():
                acts_on_it = f"{{{thing}_id}}" in call.path or thing in OF_CLIENTS
                for http in (machine, person):
                    told = [
                        await status_of(http, call, own.things | {thing: strange}, machine=False)
                        for strange in (other.things[thing], unknown(own.things)[thing])
                    ]
                    if told[0] != told[1] or (acts_on_it and told[0] < 400):
                        found.append(f"{call.name}, {thing}: {told}")
    assert not found, "\n".join(found)
