"""Rule sets by HTTP: published ahead of time, judging what is recorded from then on."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from shared.contracts import Event, Recorded
from shared.contracts.people import StaffRole
from shared.ids import new_id
from tests.integration.outcomes.home import Home
from tests.integration.outcomes.reaching import arrive, in_care, withdraw
from tests.unit.outcomes.story import Story

RULES = "/v1/rules"


async def rules_now(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    """Every rule set that is listed."""
    answer = await http.get(RULES)
    assert answer.status_code == 200
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def in_force(http: httpx.AsyncClient) -> tuple[str, int]:
    """Key and version of the one that judges now."""
    [found] = [one for one in await rules_now(http) if one["in_force"]]
    return found["key"], found["version"]


async def default_rules_of(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    """The rules of the default set as they are listed."""
    [found] = [one for one in await rules_now(http) if one["in_force"]]
    rules: list[dict[str, Any]] = found["rules"]
    return rules


def only(rules: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    """Those rules alone."""
    return [one for one in rules if one["id"] in names]


def at(event: Recorded[Event], moment: datetime) -> Recorded[Event]:
    """The event as if it had been recorded then."""
    return msgspec.structs.replace(event, recorded_at=moment)


async def test_what_ships_is_in_force_until_the_organisation_publishes(shared_home: Home) -> None:
    async with shared_home.http(new_id()) as http:
        assert [(one["key"], one["version"]) for one in await rules_now(http)] == [("default", 2)]
        assert await in_force(http) == ("default", 2)


async def test_a_rule_set_judges_only_what_is_recorded_once_it_is_in_force(
    shared_home: Home,
) -> None:
    home, tenant = shared_home, new_id()
    story = Story(new_id(), new_id(), tenant)
    story.register()
    story.open()
    async with home.http(tenant) as http:
        rules = only(await default_rules_of(http), "reliable_deterioration", "session_drop")
        answer = await http.post(RULES, json={"rules": only(rules, "session_drop")})
        assert answer.status_code == 201
        published = answer.json()
        assert (published["version"], published["in_force"]) == (3, False)
        begins = datetime.fromisoformat(published["effective_from"])
        assert begins > datetime.now(UTC) + timedelta(seconds=59)
        early = at(story.rate(f"{tenant} a", 200, day=0), begins - timedelta(seconds=1))
        worse = at(story.rate(f"{tenant} b", 300, day=7), begins - timedelta(microseconds=1))
        later = at(story.rate(f"{tenant} c", 400, day=14), begins)
        await home.live(*story.events[:2], early, worse, later)
        view = (await http.get(f"/v1/clients/{story.client_id}")).json()
    [series] = view["episodes"][0]["series"]
    signals = [{one["rule"] for one in rating["signals"]} for rating in series["ratings"]]
    assert signals[1] >= {"reliable_deterioration", "session_drop", "lost_gain"}
    assert signals[2] == {"session_drop"}
    said = await home.store.read(tenant, f"assessment-{story.episode_id}")
    assert [one.data.rule_set_version for one in said] == [2, 2, 3]  # type: ignore[attr-defined]


async def test_what_was_said_under_a_rule_set_is_corrected_under_it(shared_home: Home) -> None:
    home, tenant = shared_home, new_id()
    story = Story(new_id(), new_id(), tenant)
    story.open()
    async with home.http(tenant) as http:
        rules = only(await default_rules_of(http), "session_drop")
        begins = datetime.fromisoformat(
            (await http.post(RULES, json={"rules": rules})).json()["effective_from"]
        )
    story.rate(f"{tenant} a", 200, day=0)
    story.rate(f"{tenant} b", 210, day=7)
    await home.live(*story.events)
    await home.live(at(story.correct(f"{tenant} b", 300, day=7), begins + timedelta(days=1)))
    *_, last = await home.store.read(tenant, f"assessment-{story.episode_id}")
    assert last.data.rule_set_version == 2  # type: ignore[attr-defined]


async def test_a_version_that_is_there_changes_nothing_or_is_a_conflict(shared_home: Home) -> None:
    async with shared_home.http(new_id()) as http:
        rules = await default_rules_of(http)
        first = await http.post(RULES, json={"key": "ours", "rules": rules})
        version = first.json()["version"]
        same = {"key": "ours", "version": version, "rules": rules}
        again = await http.post(RULES, json=same)
        other = await http.post(RULES, json={**same, "rules": only(rules, "gap")})
        skipped = await http.post(RULES, json={**same, "version": version + 2})
        shipped = await http.post(RULES, json={"version": 2, "rules": rules})
        one_there = await http.post(RULES, json={"version": 1, "rules": rules})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["rules"] == first.json()["rules"]
    assert (other.status_code, skipped.status_code) == (409, 422)
    assert (shipped.status_code, one_there.status_code) == (200, 409)


async def test_a_repeated_request_publishes_once(shared_home: Home) -> None:
    tenant = new_id()
    await shared_home.keyring.create([(tenant, tenant)])
    async with shared_home.http(tenant) as http:
        document = {"rules": await default_rules_of(http)}
        keyed = {"Idempotency-Key": "once"}
        first = await http.post(RULES, json=document, headers=keyed)
        again = await http.post(RULES, json=document, headers=keyed)
        assert first.content == again.content
        assert len(await rules_now(http)) == 2


async def test_an_earlier_version_can_be_gone_back_to(shared_home: Home) -> None:
    async with shared_home.http(new_id()) as http:
        await http.post(RULES, json={"rules": only(await default_rules_of(http), "gap")})
        back = await http.post(f"{RULES}/rollback", json={"version": 1})
        assert [one["version"] for one in await rules_now(http)] == [1, 2, 3]
        unknown = await http.post(f"{RULES}/rollback", json={"version": 9})
    assert (back.status_code, back.json()["version"]) == (201, 1)
    assert back.json()["effective_from"] is not None
    assert unknown.status_code == 404


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"id": "no_such_rule"}, "/rules/0/id"),
        ({"kind": "prompt"}, "/rules/0/kind"),
        ({"thresholds": {"days": "0", "intervals": "2", "presumed_ended": "2"}}, "days"),
        ({"thresholds": {"days": "21"}}, "/rules/0/thresholds"),
    ],
)
async def test_rules_that_contradict_themselves_are_named(
    shared_home: Home, change: dict[str, Any], pointer: str
) -> None:
    async with shared_home.http(new_id()) as http:
        [gap] = only(await default_rules_of(http), "gap")
        answer = await http.post(RULES, json={"rules": [{**gap, **change}]})
        backtest = await http.post(f"{RULES}/backtest", json={"rules": [{**gap, **change}]})
    assert (answer.status_code, backtest.status_code) == (422, 422)
    assert any(pointer in one["pointer"] for one in answer.json()["errors"])


async def test_no_rule_set_begins_in_the_past_or_too_soon(shared_home: Home) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=55)).isoformat()
    async with shared_home.http(new_id()) as http:
        document = {"rules": await default_rules_of(http), "effective_from": soon}
        answer = await http.post(RULES, json=document)
        back = await http.post(f"{RULES}/rollback", json={"version": 1, "effective_from": soon})
        assert await in_force(http) == ("default", 2)
    for one in (answer, back):
        assert one.status_code == 422
        assert one.json()["errors"][0]["pointer"] == "/effective_from"


async def test_who_may_only_read_publishes_nothing(shared_home: Home) -> None:
    async with shared_home.http(new_id(), ["outcomes.read"]) as http:
        document = {"rules": await default_rules_of(http)}
        assert (await http.post(RULES, json=document)).status_code == 403
        assert (await http.post(f"{RULES}/backtest", json=document)).status_code == 200


async def test_a_backtest_counts_what_rules_would_have_asked(shared_home: Home) -> None:
    home, tenant = shared_home, new_id()
    for number, totals in enumerate(([200, 300, 210, 205], [200, 210, 205, 200])):
        story = Story(new_id(), new_id(), tenant)
        story.register()
        story.open()
        for week, total in enumerate(totals):
            story.rate(f"{tenant} {number} {week}", total, day=7 * week)
        await home.live(*story.events)
    async with home.http(tenant) as http:
        rules = only(await default_rules_of(http), "reliable_deterioration")
        found = (await http.post(f"{RULES}/backtest", json={"rules": rules})).json()
        assert await in_force(http) == ("default", 2)
    assert (found["clients"], found["episodes"], found["ratings"], found["weeks"]) == (2, 2, 8, 6.0)
    assert found["is_all"]
    assert found["asked"]["rules"] == [
        {
            "rule": "reliable_deterioration",
            "kind": "state",
            "ratings": 1,
            "clients": 1,
            "alerts": 1,
            "open": 0,
        }
    ]
    assert found["asked"]["concerns"] == 1
    assert found["asked"]["concerns_per_100_clients_a_week"] == pytest.approx(16.67)
    assert found["in_force"]["alerts"] > found["asked"]["alerts"]


async def test_a_backtest_counts_those_who_agree_and_names_nobody(shared_home: Home) -> None:
    home, tenant = shared_home, new_id()
    stories = [in_care(tenant, None) for _ in range(3)]
    await arrive(home, *stories)
    await withdraw(home, stories[0], "service_statistics")
    async with home.person(tenant, new_id(), "administrator") as http:
        rules = {"rules": await default_rules_of(http)}
        answer = await http.post(f"{RULES}/backtest", json=rules)
    found = answer.json()
    assert (found["clients"], found["ratings"], found["is_all"]) == (2, 4, True)
    assert not any(one.client_id in answer.text for one in stories)


@pytest.mark.parametrize(
    ("role", "reads", "writes"),
    [
        ("clinician", 200, 403),
        ("supervisor", 200, 403),
        ("operator", 200, 403),
        ("administrator", 200, 200),
    ],
)
async def test_staff_read_the_rules_and_administrators_try_and_publish_them(
    shared_home: Home, role: StaffRole, reads: int, writes: int
) -> None:
    tenant = new_id()
    await shared_home.keyring.create([(tenant, tenant)])
    async with shared_home.http(tenant) as http:
        rules = {"rules": await default_rules_of(http)}
    async with shared_home.person(tenant, new_id(), role) as http:
        assert (await http.get(RULES)).status_code == reads
        assert (await http.post(f"{RULES}/backtest", json=rules)).status_code == writes
        published = await http.post(RULES, json={**rules, "key": "default"})
        assert (published.status_code == 403) == (writes == 403)
    async with shared_home.client(tenant, new_id()) as http:
        assert (await http.get(RULES)).status_code == 403
