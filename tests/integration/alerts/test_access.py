"""Who sees which alerts: the treating team, who leads them, and machines that the client lets."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from shared.contracts.intake import (
    ClientErased,
    ClientsMerged,
    ClientsUnmerged,
    ConsentGiven,
    ConsentWithdrawn,
    ErasureRefused,
    Purpose,
)
from shared.contracts.people import ConsentPolicySet
from shared.database import driver
from shared.ids import new_id
from shared.security import Principal
from tests.integration.alerts.home import Client, Home
from tests.integration.alerts.staff import (
    LONG_AGO,
    care_team,
    in_care_of,
    invited,
    member,
    team,
    transferred,
)

REVIEW = {"seen_how": "by telephone", "outcome": "safety plan made"}
AUDITED = """
SELECT principal_id, principal_kind, why, action, permission FROM audit
WHERE tenant = $1 AND client_id = $2 ORDER BY audit_id
"""


async def listed(http: httpx.AsyncClient, **filters: str) -> list[str]:
    """The ids of the alerts in somebody's list."""
    answer = await http.get("/v1/alerts", params=filters)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def seen(http: httpx.AsyncClient, alert_id: str) -> tuple[int, str]:
    """How one alert is answered to somebody: status and code."""
    answer = await http.get(f"/v1/alerts/{alert_id}")
    return answer.status_code, answer.json().get("code", "")


async def audited(home: Home, client: Client) -> list[tuple[str, ...]]:
    """What is written down of the client: who, as what, why, what, by which permission."""
    async with home.database.session(home.tenant) as conn:
        rows = await driver(conn).fetch(AUDITED, home.tenant, client.id)
    return [tuple(row) for row in rows]


async def raised(home: Home, client: Client) -> str:
    """The id of a risk alert of the client, known without asking as anybody."""
    await home.submit(client, 30)
    query = "SELECT alert_id FROM alerts WHERE tenant = $1 AND client_id = $2"
    async with home.database.session(home.tenant) as conn:
        found: str = await driver(conn).fetchval(query, home.tenant, client.id)
    return found


def consent(client: Client, purpose: Purpose, given: bool) -> ConsentGiven | ConsentWithdrawn:
    decision = ConsentGiven if given else ConsentWithdrawn
    return decision(client_id=client.id, purpose=purpose, at=datetime.now(UTC))


async def test_a_clinician_sees_the_alerts_of_whom_they_treat_and_of_nobody_else(
    home: Home,
) -> None:
    me, other = new_id(), new_id()
    mine, theirs = await in_care_of(home, me), await in_care_of(home, other)
    alert, strange = await raised(home, mine), await raised(home, theirs)
    async with home.http_as(me, "clinician") as http:
        assert await listed(http) == [alert]
        assert await listed(http, client_id=theirs.id) == []
        assert await seen(http, alert) == (200, "")
        unknown = await http.get(f"/v1/alerts/{new_id()}")
        strangers = await http.get(f"/v1/alerts/{strange}")
        for path in ("acknowledge", "review", "resolve"):
            body = {"review": REVIEW, "resolve": {"reason": "x"}}.get(path, {})
            refused = await http.post(f"/v1/alerts/{strange}/{path}", json=body)
            assert refused.status_code == 404
    told = strangers.json()
    assert strangers.status_code == unknown.status_code == 404
    for varying in ("instance", "trace_id"):
        told.pop(varying, None)
    assert {name: unknown.json()[name] for name in told} == told


async def test_who_cared_once_or_will_care_sees_nothing_now(home: Home) -> None:
    before, now, later = new_id(), new_id(), new_id()
    client = await in_care_of(home, None)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    changed = care_team(
        client,
        member(before, until=yesterday),
        member(now, "co", yesterday, tomorrow),
        member(later, "cover", tomorrow),
    )
    await home.hear(client, changed)
    alert = await raised(home, client)
    for person, expected in ((before, 404), (now, 200), (later, 404)):
        async with home.http_as(person, "clinician") as http:
            assert (await seen(http, alert))[0] == expected
            assert await listed(http) == [alert] * (expected == 200)


async def test_a_transfer_takes_the_alerts_from_one_clinician_and_gives_them_to_the_next(
    home: Home,
) -> None:
    old, new = new_id(), new_id()
    client = await in_care_of(home, old)
    alert = await raised(home, client)
    await home.hear(client, transferred(client, new))
    async with home.http_as(old, "clinician") as http:
        assert await seen(http, alert) == (404, "not_found")
        assert await listed(http) == []
        done = await http.post(f"/v1/alerts/{alert}/acknowledge", json={})
        assert done.status_code == 404
    async with home.http_as(new, "clinician") as http:
        assert await listed(http, assignee=new) == [alert]
        assert (await http.post(f"/v1/alerts/{alert}/acknowledge", json={})).status_code == 200


async def test_a_supervisor_sees_those_of_the_team_without_what_was_written_unless_agreed(
    home: Home,
) -> None:
    clinician, supervisor, stranger = new_id(), new_id(), new_id()
    client = await in_care_of(home, clinician, team(supervisor, clinician), team(stranger))
    alert = await raised(home, client)
    async with home.http_as(clinician, "clinician") as http:
        await http.post(f"/v1/alerts/{alert}/review", json=REVIEW)
    async with home.http_as(stranger, "supervisor") as http:
        assert await seen(http, alert) == (404, "not_found")
    async with home.http_as(supervisor, "supervisor") as http:
        for given in (True, False):
            await home.hear(client, consent(client, "supervision", given))
            one = (await http.get(f"/v1/alerts/{alert}")).json()
            [same] = (await http.get("/v1/alerts")).json()["items"]
            assert one == same
            wanted = "safety plan made" if given else None
            assert one["history"][-1]["outcome"] == wanted
            assert one["text"]
    async with home.http_as(clinician, "clinician") as http:
        [own] = (await http.get("/v1/alerts")).json()["items"]
    assert own["history"][-1]["outcome"] == "safety plan made"


@pytest.mark.parametrize("role", ["administrator", "operator"])
async def test_administrators_and_operators_see_no_alerts(home: Home, role: str) -> None:
    client = await in_care_of(home, new_id())
    alert = await raised(home, client)
    async with home.http_as(new_id(), role) as http:  # type: ignore[arg-type]
        for answer in (
            await http.get("/v1/alerts"),
            await http.get(f"/v1/alerts/{alert}"),
            await http.get(f"/v1/alerts/{new_id()}"),
            await http.get("/v1/stream"),
            await http.post(f"/v1/alerts/{alert}/acknowledge", json={}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_administrators_see_how_many_are_open_and_how_many_are_nobodys(home: Home) -> None:
    clinician = new_id()
    for person in (clinician, None):
        client = await in_care_of(home, person)
        await home.submit(client, 30)
        await home.submit(client, None)
    async with home.http_as(new_id(), "administrator") as http:
        counts = (await http.get("/v1/counts")).json()
        assert counts == {
            "open": {"urgent": 2, "high": 0, "medium": 2, "info": 0},
            "ownerless": 2,
        }
    for http in (home.http_as(clinician, "clinician"), home.http()):
        async with http:
            assert (await http.get("/v1/counts")).status_code == 403


async def test_clients_see_no_alerts(home: Home) -> None:
    client = await in_care_of(home, new_id())
    alert = await raised(home, client)
    oneself = Principal(tenant=home.tenant, id=client.id, kind="client")
    async with home.http_of(oneself) as http:
        assert (await seen(http, alert))[0] == 403
        assert (await http.get("/v1/alerts")).status_code == 403


async def test_what_a_client_keeps_from_machines_reaches_the_treating_team_all_the_same(
    home: Home,
) -> None:
    clinician = new_id()
    client, open_handed = await in_care_of(home, clinician), await in_care_of(home, clinician)
    kept, given = await raised(home, client), await raised(home, open_handed)
    for purpose in ("integrations", "supervision", "service_statistics", "research"):
        await home.hear(client, consent(client, purpose, False))
    async with home.http() as http:
        assert await listed(http) == [given]
        assert await listed(http, client_id=client.id) == []
        assert await seen(http, kept) == (403, "consent_withheld")
        done = await http.post(f"/v1/alerts/{kept}/acknowledge", json={})
        assert (done.status_code, done.json()["code"]) == (403, "consent_withheld")
    async with home.http_as(clinician, "clinician") as http:
        assert set(await listed(http)) == {kept, given}
        assert await seen(http, kept) == (200, "")
        assert (await http.post(f"/v1/alerts/{kept}/review", json=REVIEW)).status_code == 200


async def test_where_the_organisation_gives_nothing_to_machines_a_client_may(home: Home) -> None:
    client, open_handed = await in_care_of(home, None), await in_care_of(home, None)
    policy = ConsentPolicySet(defaults={"integrations": False})
    await home.hear(client, policy)
    await home.hear(client, consent(open_handed, "integrations", True))
    kept, given = await raised(home, client), await raised(home, open_handed)
    async with home.http() as http:
        assert await listed(http) == [given]
        assert await seen(http, kept) == (403, "consent_withheld")


async def test_merged_clients_have_their_alerts_in_common_and_keep_them_open(home: Home) -> None:
    clinician, other = new_id(), new_id()
    main, alias = await in_care_of(home, clinician), await in_care_of(home, other)
    of_main, of_alias = await raised(home, main), await raised(home, alias)
    await home.hear(alias, ClientsMerged(client_id=alias.id, into=main.id))
    for person in (clinician, other):
        async with home.http_as(person, "clinician") as http:
            for one in (main, alias):
                found = await listed(http, client_id=one.id, status="open")
                assert set(found) == {of_main, of_alias}
            assert await seen(http, of_alias) == (200, "")
    await home.hear(alias, consent(alias, "integrations", False))
    async with home.http() as http:
        assert await listed(http) == []
        assert (await seen(http, of_main))[1] == "consent_withheld"
    await home.hear(alias, ClientsUnmerged(client_id=alias.id, was=main.id))
    async with home.http() as http:
        assert await listed(http) == [of_main]


async def test_a_restricted_client_is_listed_no_more_and_an_erased_one_is_gone(
    home: Home,
) -> None:
    clinician = new_id()
    restricted, erased = await in_care_of(home, clinician), await in_care_of(home, clinician)
    kept, forgotten = await raised(home, restricted), await raised(home, erased)
    refused = ErasureRefused(
        request_id=new_id(), client_id=restricted.id, refused_by=new_id(), restricted=True
    )
    gone = ClientErased(request_id=new_id(), client_id=erased.id, erased_at=LONG_AGO)
    await home.hear(restricted, refused, gone)
    for http in (home.http_as(clinician, "clinician"), home.http()):
        async with http:
            assert await listed(http) == []
            assert await seen(http, kept) == (403, "restricted")
            assert (await seen(http, forgotten))[0] in (404, 410)


async def test_people_act_as_themselves_and_machines_for_whom_they_name(home: Home) -> None:
    clinician, somebody = new_id(), new_id()
    client = await in_care_of(home, clinician)
    alert = await raised(home, client)
    async with home.http_as(clinician, "clinician") as http:
        for path, body in (("acknowledge", {}), ("review", REVIEW), ("resolve", {"reason": "x"})):
            as_other = {**body, "actor": somebody}
            refused = await http.post(f"/v1/alerts/{alert}/{path}", json=as_other)
            assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        done = await http.post(f"/v1/alerts/{alert}/acknowledge", json={"actor": clinician})
        assert done.status_code == 200
    async with home.http() as http:
        named = {**REVIEW, "actor": somebody}
        assert (await http.post(f"/v1/alerts/{alert}/review", json=named)).status_code == 200
        told = (await http.get(f"/v1/alerts/{alert}")).json()["history"]
    assert [one["by"] for one in told] == ["rule", clinician, somebody]


async def test_every_look_and_act_is_written_down_with_who_and_why(home: Home) -> None:
    clinician, supervisor = new_id(), new_id()
    client = await in_care_of(home, clinician, team(supervisor, clinician))
    alert = await raised(home, client)
    assert await audited(home, client) == []
    async with home.http_as(supervisor, "supervisor") as http:
        await http.get("/v1/alerts")
        await http.get(f"/v1/alerts/{alert}")
    async with home.http_as(clinician, "clinician") as http:
        await http.get("/v1/alerts", params={"status": "resolved"})
        await http.post(f"/v1/alerts/{alert}/acknowledge", json={})
    async with home.http_as(new_id(), "clinician") as http:
        await http.get(f"/v1/alerts/{alert}")
    one = "/alerts/v1/alerts/{alert_id}"
    assert await audited(home, client) == [
        (supervisor, "person", "supervisor", "GET /alerts/v1/alerts", "alerts.read"),
        (supervisor, "person", "team", f"GET {one}", "alerts.read"),
        (clinician, "person", "care", f"POST {one}/acknowledge", "alerts.act"),
    ]


async def test_nobody_of_another_organisation_reaches_an_alert(home: Home) -> None:
    clinician = new_id()
    client = await in_care_of(home, clinician)
    alert = await raised(home, client)
    elsewhere = new_id()
    for http in (
        home.http(elsewhere),
        home.http_as(clinician, "clinician", "supervisor", tenant=elsewhere),
    ):
        async with http:
            assert await listed(http) == []
            assert await seen(http, alert) == (404, "not_found")


async def test_who_leads_the_team_of_the_last_carer_sees_what_is_open_where_nobody_is_left(
    home: Home,
) -> None:
    clinician, supervisor = new_id(), new_id()
    known = invited(supervisor, "supervisor")
    client = await in_care_of(home, clinician, team(supervisor, clinician), known)
    alert = await raised(home, client)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    await home.hear(client, care_team(client, member(clinician, until=yesterday)))
    async with home.http_as(clinician, "clinician") as http:
        assert await listed(http) == []
        assert (await seen(http, alert))[0] == 404
    async with home.http_as(supervisor, "supervisor") as http:
        assert await listed(http, assignee=supervisor) == [alert]
        assert await seen(http, alert) == (200, "")
        assert (await http.post(f"/v1/alerts/{alert}/review", json=REVIEW)).status_code == 200
        assert await listed(http) == []
        assert (await seen(http, alert))[0] == 404
