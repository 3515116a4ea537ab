"""Whose an alert is: it follows the care team, and is never without somebody unnoticed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.alerts.ownership import OwnershipPlan
from shared.contracts.people import PersonDeactivated, RoleGranted, RoleRevoked
from shared.database import driver
from shared.ids import new_id
from tests.integration.alerts.home import Client, Home
from tests.integration.alerts.staff import (
    LONG_AGO,
    care_team,
    in_care_of,
    invited,
    member,
    opened,
    team,
    transferred,
)

REVIEW = {"seen_how": "by telephone", "outcome": "safety plan made", "actor": "Dr A"}

ROW = "SELECT status, version, state FROM alerts WHERE tenant = $1 AND client_id = $2"
BACK = """
UPDATE alerts SET status = $3, version = $4, state = $5 WHERE tenant = $1 AND client_id = $2
"""


async def only(home: Home, client: Client) -> dict[str, Any]:
    """The client's one alert."""
    [alert] = await home.alerts(client)
    return alert


async def owner(home: Home, client: Client) -> tuple[str | None, bool]:
    """Whose the client's one alert is, and whether it is nobody's."""
    alert = await only(home, client)
    return alert["assignee"], alert["ownerless"]


def moves(alert: dict[str, Any]) -> list[str | None]:
    """To whom an alert went, by its history."""
    return [one["to"] for one in alert["history"] if one["what"] == "assigned"]


async def test_an_alert_is_the_leads_and_goes_to_the_next_one_with_the_client(home: Home) -> None:
    first, second = new_id(), new_id()
    client = await in_care_of(home, first)
    await home.submit(client, 30)
    assert await owner(home, client) == (first, False)
    await home.hear(client, transferred(client, second))
    alert = await only(home, client)
    assert (alert["assignee"], alert["ownerless"]) == (second, False)
    assert [one["what"] for one in alert["history"]] == ["raised", "assigned"]
    assert (alert["history"][1]["by"], moves(alert)) == ("rule", [second])
    assert alert["status"] == "open"


async def test_what_has_ended_is_not_told_to_move(home: Home) -> None:
    client = await in_care_of(home, new_id())
    await home.submit(client, 30)
    async with home.http() as http:
        link = f"/v1/alerts/{(await only(home, client))['id']}"
        assert (await http.post(f"{link}/review", json=REVIEW)).status_code == 200
    await home.hear(client, transferred(client, new_id()))
    assert moves(await only(home, client)) == []


async def test_an_alert_that_came_before_its_episode_is_given_to_who_opened_it(home: Home) -> None:
    client, clinician = await home.new_client(), new_id()
    await home.submit(client, 30)
    assert await owner(home, client) == (None, True)
    await home.hear(client, opened(client, clinician))
    assert await owner(home, client) == (clinician, False)
    assert moves(await only(home, client)) == [clinician]


async def test_all_of_a_batch_is_one_move_or_none(home: Home) -> None:
    first, second = new_id(), new_id()
    client = await in_care_of(home, first)
    await home.submit(client, 30)
    await home.hear(client, transferred(client, second), transferred(client, first))
    assert moves(await only(home, client)) == []
    await home.hear(client, transferred(client, second), transferred(client, new_id()))
    assert len(moves(await only(home, client))) == 1


async def test_the_lead_the_co_the_cover_and_the_supervisor_answer_in_this_order(
    home: Home,
) -> None:
    people = {role: new_id() for role in ("lead", "co", "cover", "supervisor")}
    client = await in_care_of(home, None)
    await home.submit(client, 30)
    members = [member(person, role) for role, person in people.items()]  # type: ignore[arg-type]
    await home.hear(client, care_team(client, *members[::-1]))
    for person in people.values():
        assert await owner(home, client) == (person, False)
        await home.hear(client, PersonDeactivated(person_id=person))
    assert await owner(home, client) == (None, True)
    assert moves(await only(home, client)) == [*people.values(), None]


@pytest.mark.parametrize("how", ["deactivated", "clinician no more"])
async def test_a_lead_who_is_gone_leaves_the_alert_to_the_team_then_to_its_lead(
    home: Home, how: str
) -> None:
    lead, co, supervisor = new_id(), new_id(), new_id()
    client = await in_care_of(home, lead)
    known = [
        invited(lead, "clinician"),
        invited(co, "clinician"),
        invited(supervisor, "supervisor"),
    ]
    both = care_team(client, member(lead), member(co, "co"))
    await home.hear(client, *known, team(supervisor, lead, co), both)
    await home.submit(client, 30)

    async def leaves(person_id: str) -> None:
        gone = PersonDeactivated(person_id=person_id)
        revoked = RoleRevoked(person_id=person_id, role="clinician")
        await home.hear(client, gone if how == "deactivated" else revoked)

    await leaves(lead)
    assert await owner(home, client) == (co, False)
    await leaves(co)
    assert await owner(home, client) == (supervisor, False)
    async with home.http_as(supervisor, "supervisor") as http:
        [item] = (await http.get("/v1/alerts", params={"assignee": supervisor})).json()["items"]
    assert moves(item) == [co, supervisor]


async def test_a_clinician_who_is_one_again_has_their_alerts_back(home: Home) -> None:
    lead = new_id()
    client = await in_care_of(home, lead, invited(lead, "clinician"))
    await home.submit(client, 30)
    await home.hear(client, RoleRevoked(person_id=lead, role="clinician"))
    assert await owner(home, client) == (None, True)
    await home.hear(client, RoleGranted(person_id=lead, role="clinician"))
    assert moves(await only(home, client)) == [None, lead]


async def test_with_nobody_left_it_is_flagged_and_found_by_that(home: Home) -> None:
    lead = new_id()
    client, other = await in_care_of(home, lead), await in_care_of(home, new_id())
    await home.submit(client, 30)
    await home.submit(other, 30)
    await home.hear(client, PersonDeactivated(person_id=lead))
    async with home.http() as http:
        for ownerless, found in (("true", client), ("false", other)):
            answer = await http.get("/v1/alerts", params={"ownerless": ownerless})
            assert [item["client_id"] for item in answer.json()["items"]] == [found.id]
    assert moves(await only(home, client)) == [None]
    supervisor = new_id()
    await home.hear(client, invited(supervisor, "supervisor"), team(supervisor, lead))
    assert moves(await only(home, client)) == [None, supervisor]


async def test_whose_it_is_changes_with_time_alone(home: Home) -> None:
    lead, co = new_id(), new_id()
    client = await in_care_of(home, None)
    await home.submit(client, 30)
    soon = datetime.now(UTC) + timedelta(seconds=1)
    await home.hear(client, care_team(client, member(lead, until=soon), member(co, "co")))
    assert await owner(home, client) == (lead, False)
    async with home.database.session() as conn:
        await driver(conn).execute("SELECT pg_sleep_until($1)", soon)
    assert await owner(home, client) == (co, False)


async def test_the_lead_of_another_episode_answers_where_an_episode_has_nobody(home: Home) -> None:
    here, there = new_id(), new_id()
    client = await in_care_of(home, here)
    again = Client(client.tenant, client.id)
    await home.hear(again, opened(again, there))
    await home.submit(client, 30)
    assert await owner(home, client) == (here, False)
    await home.hear(client, PersonDeactivated(person_id=here))
    assert await owner(home, client) == (there, False)


async def test_the_move_is_in_the_transaction_of_its_event_or_not_at_all(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = new_id(), new_id()
    client = await in_care_of(home, first)
    await home.submit(client, 30)
    record = await home.record(client, transferred(client, second))
    apply = OwnershipPlan.apply

    async def dies(plan: OwnershipPlan, conn: Any) -> None:
        await apply(plan, conn)
        raise KeyboardInterrupt

    monkeypatch.setattr(OwnershipPlan, "apply", dies)
    with pytest.raises(KeyboardInterrupt):
        await home.handle(home.access, record)
    monkeypatch.undo()
    alert = await only(home, client)
    assert (alert["assignee"], moves(alert)) == (first, [])
    await home.handle(home.access, record)
    alert = await only(home, client)
    assert (alert["assignee"], moves(alert)) == (second, [second])


async def test_an_alert_that_a_command_left_behind_moves_by_what_its_stream_says(
    home: Home,
) -> None:
    client, heir = await in_care_of(home, new_id()), new_id()
    await home.submit(client, 30)
    link = f"/v1/alerts/{(await only(home, client))['id']}"
    where = home.tenant, client.id
    async with home.database.session(home.tenant) as conn:
        old = await driver(conn).fetchrow(ROW, *where)
    async with home.http() as http:
        assert (await http.post(f"{link}/acknowledge", json={})).status_code == 200
    async with home.database.session(home.tenant) as conn:
        await driver(conn).execute(BACK, *where, *old)
    await home.hear(client, transferred(client, heir))
    alert = await only(home, client)
    assert (alert["status"], alert["assignee"], alert["version"]) == ("acknowledged", heir, 3)


async def test_a_closed_past_does_not_make_an_owner_of_who_is_yet_to_come(home: Home) -> None:
    client, later = await in_care_of(home, None), new_id()
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    changed = care_team(
        client, member(new_id(), until=LONG_AGO + timedelta(days=1)), member(later, since=tomorrow)
    )
    await home.hear(client, changed)
    await home.submit(client, 30)
    assert await owner(home, client) == (None, True)
