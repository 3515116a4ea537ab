"""Clients who turn out to be one person, and sometimes two after all."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from shared.contracts import Event
from shared.contracts.envelope import Recorded
from shared.eventstore import EventStore
from shared.ids import new_id
from tests.integration.intake.home import Caller, Intake
from tests.integration.intake.house import House
from tests.integration.intake.merging import NEW, OLD, client_of, merged, two, unmerged
from tests.support.waiting import eventually_async


async def test_either_id_shows_the_one_who_goes_on_and_every_number_finds_them(
    caller: Caller,
) -> None:
    alias, one = await two(caller)
    shown = await merged(caller, alias, one)
    assert (shown["id"], shown["aliases"], shown["given_name"]) == (one, [alias], "Augusta")
    assert await client_of(caller, alias) == await client_of(caller, one) == shown
    for search in (
        {"external_id": "p-old"},
        {"external_id": "p-new"},
        {"identifier": OLD},
        {"identifier": NEW},
    ):
        found = await caller.http.post("/intake/v1/clients/search", json=search)
        assert found.json()["items"] == [shown]


async def test_merging_again_changes_nothing_and_backwards_is_refused(caller: Caller) -> None:
    alias, one = await two(caller)
    shown = await merged(caller, alias, one)
    assert await merged(caller, alias, one) == shown
    assert (await merged(caller, one, alias, 409))["code"] == "conflict"
    assert await client_of(caller, one) == shown


async def test_what_cannot_be_merged_is_refused(caller: Caller, stranger: Caller) -> None:
    alias, one = await two(caller)
    other = await stranger.client()
    myself = await merged(caller, one, one, 422)
    assert myself["errors"][0]["pointer"] == "/into"
    nobody = await merged(caller, alias, new_id(), 404)
    theirs = await merged(caller, alias, other["id"], 404)
    for answer in (nobody, theirs):
        answer.pop("trace_id", None)
    assert nobody == theirs
    await merged(caller, other["id"], one, 404)
    body = {"into": one}
    without_reason = await caller.http.post(f"/intake/v1/clients/{alias}/merge", json=body)
    assert without_reason.status_code == 422
    assert (await client_of(caller, one))["aliases"] == []
    assert (await unmerged(caller, alias, 409))["code"] == "conflict"


async def test_whoever_is_merged_brings_their_aliases_along(caller: Caller) -> None:
    first, second, third = [(await caller.client())["id"] for _ in range(3)]
    await merged(caller, first, second)
    shown = await merged(caller, second, third)
    assert sorted(shown["aliases"]) == sorted([first, second])
    for client_id in (first, second):
        assert (await client_of(caller, client_id))["id"] == third
    # An alias is as good as the one: three are merged by naming any of them.
    fourth = (await caller.client())["id"]
    assert (await merged(caller, first, fourth))["id"] == fourth
    assert len((await client_of(caller, third))["aliases"]) == 3


async def test_both_are_as_they_were_once_they_are_two_again(caller: Caller) -> None:
    alias, one = await two(caller)
    before = [await client_of(caller, client_id) for client_id in (alias, one)]
    await merged(caller, alias, one)
    shown = await unmerged(caller, alias)
    assert shown["id"] == alias
    after = [await client_of(caller, client_id) for client_id in (alias, one)]
    for then, now in zip(before, after, strict=True):
        for changing in ("version", "position"):
            del then[changing], now[changing]
        assert now == then
    assert await unmerged(caller, alias) == shown
    # And one again.
    assert (await merged(caller, alias, one))["aliases"] == [alias]


async def test_one_of_several_aliases_leaves_alone(caller: Caller) -> None:
    first, second, one = [(await caller.client())["id"] for _ in range(3)]
    await merged(caller, first, one)
    await merged(caller, second, one)
    assert (await unmerged(caller, one, 409))["code"] == "conflict"
    await unmerged(caller, first)
    assert (await client_of(caller, one))["aliases"] == [second]
    assert (await client_of(caller, first))["id"] == first


async def test_merges_at_the_same_time_leave_one_person(caller: Caller) -> None:
    ids = [(await caller.client())["id"] for _ in range(8)]
    body = {"reason": "Registered again and again."}

    async def merge(alias: str, into: str) -> int:
        answer = await caller.http.post(
            f"/intake/v1/clients/{alias}/merge", json=body | {"into": into}
        )
        return answer.status_code

    chain = pairwise(ids)
    codes = await asyncio.gather(*(merge(alias, into) for alias, into in chain))
    assert set(codes) <= {200, 409}
    shown = [await client_of(caller, client_id) for client_id in ids]
    ones = {client["id"]: client for client in shown}
    # Whoever is shown is nobody's alias, and everybody is shown once.
    everybody = [one for client in ones.values() for one in (client["id"], *client["aliases"])]
    assert sorted(everybody) == sorted(ids)
    assert len(ones) == 1 + codes.count(409)


async def test_a_merge_between_two_reads_is_not_overlooked(
    caller: Caller, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third, fourth = [(await caller.client())["id"] for _ in range(4)]
    await merged(caller, second, third)
    read_many, between = EventStore.read_many, [(third, fourth)]

    async def read_with_a_merge_afterwards(
        store: EventStore, tenant: str, streams: Sequence[str]
    ) -> dict[str, list[Recorded[Event]]]:
        found = await read_many(store, tenant, streams)
        if between and f"client-{second}" in streams:
            await merged(caller, *between.pop())
        return found

    monkeypatch.setattr(EventStore, "read_many", read_with_a_merge_afterwards)
    shown = await merged(caller, first, second)
    assert not between
    assert (shown["id"], set(shown["aliases"])) == (fourth, {first, second, third})
    for client_id in (first, second, third):
        assert await client_of(caller, client_id) == shown


async def test_who_cares_for_an_alias_reaches_the_one(house: House) -> None:
    clinician, administrator = await house.member("clinician"), await house.member("administrator")
    alias, one = await two(house.caller)
    await house.feed.opened(alias, clinician_id=clinician.id)
    await clinician.comes_to_reach(f"clients/{alias}")
    assert not await clinician.reaches(f"clients/{one}")
    body = {"into": one, "reason": "Registered twice."}
    assert (await clinician.post(f"clients/{alias}/merge", body)).status_code == 403
    assert (await administrator.post(f"clients/{alias}/merge", body)).status_code == 200
    assert {row[1] for row in await house.audited(administrator)} == {alias, one}
    await eventually_async(lambda: clinician.reaches(f"clients/{one}"))
    assert (await clinician.get(f"clients/{alias}")).json()["id"] == one
    oneself = house.oneself(alias)
    assert (await oneself.get(f"clients/{one}")).status_code == 200
    await unmerged(house.caller, alias)

    async def out() -> bool:
        return not await clinician.reaches(f"clients/{one}")

    await eventually_async(out)
    await clinician.comes_to_reach(f"clients/{alias}")


async def test_there_is_an_end_to_how_many_can_be_one(caller: Caller) -> None:
    one = (await caller.client())["id"]
    for _ in range(20):
        await merged(caller, (await caller.client())["id"], one)
    assert (await merged(caller, (await caller.client())["id"], one, 409))["code"] == "conflict"


@pytest.mark.parametrize("body", [{}, {"into": "x", "reason": "r"}, {"reason": ""}])
async def test_a_merge_is_asked_for_as_it_must_be(caller: Caller, body: dict[str, Any]) -> None:
    alias, _ = await two(caller)
    for verb in ("merge", "unmerge"):
        answer = await caller.http.post(f"/intake/v1/clients/{alias}/{verb}", json=body)
        assert answer.status_code == 422
