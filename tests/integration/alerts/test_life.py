"""The life of an alert as callers of the API see it."""

import asyncio
from datetime import UTC, datetime

import httpx

from shared.contracts.intake import EpisodeClosed, EpisodeOpened, EpisodeReopened
from shared.contracts.outcomes import AssessmentWithdrawn
from shared.database import driver
from shared.eventstore.position import encode_position
from shared.ids import new_id
from tests.integration.alerts.home import Home, assessed

REVIEW = {"seen_how": "by telephone", "outcome": "safety plan made", "actor": "Dr A"}


async def only(http: httpx.AsyncClient, **filters: str) -> dict[str, object]:
    """The one alert in the list."""
    answer = await http.get("/v1/alerts", params=filters)
    assert answer.status_code == 200, answer.text
    [item] = answer.json()["items"]
    return dict(item)


async def test_a_risk_answer_becomes_an_urgent_alert_that_says_why(home: Home) -> None:
    client = await home.new_client()
    await home.submit(client, 30)
    async with home.http() as http:
        alert = await only(http, status="open", severity="urgent", client_id=client.id)
    assert alert["rule"] == {"id": "risk_item", "version": 1}
    assert alert["episode_id"] == client.episode_id
    assert alert["inputs"] == {"item_9": 3.0}
    assert alert["thresholds"] == {"risk_item": 1.0}
    assert "item 9 = 3" in str(alert["text"])
    assert alert["historical"] is False


async def test_a_risk_alert_is_acknowledged_and_ends_by_review_alone(home: Home) -> None:
    client = await home.new_client()
    await home.submit(client, 30)
    async with home.http() as http:
        link = f"/v1/alerts/{(await only(http))['id']}"
        assert (await http.post(f"{link}/acknowledge", json={"actor": "Dr A"})).status_code == 200
        refused = await http.post(f"{link}/resolve", json={"reason": "not needed"})
        assert (refused.status_code, refused.json()["code"]) == (409, "needs_review")
        nameless = {**REVIEW}
        del nameless["actor"]
        assert (await http.post(f"{link}/review", json=nameless)).status_code == 422
        done = await http.post(f"{link}/review", json=REVIEW)
        assert (done.status_code, done.json()["status"]) == (200, "resolved")
        again = await http.post(f"{link}/review", json=REVIEW)
        assert (again.status_code, again.json()["code"]) == (409, "already_ended")
        told = (await http.get(link)).json()
    assert [one["what"] for one in told["history"]] == ["raised", "acknowledged", "reviewed"]
    assert told["history"][2]["by"] == "Dr A"
    assert told["history"][2]["outcome"] == "safety plan made"
    assert told["status"] == "resolved"


async def test_a_reviewed_low_answer_comes_back_as_high(home: Home) -> None:
    client = await home.new_client()
    await home.submit(client, 10)
    async with home.http() as http:
        link = f"/v1/alerts/{(await only(http, status='open'))['id']}"
        await http.post(f"{link}/review", json=REVIEW)
        await home.submit(client, 10)
        assert (await only(http, status="open"))["severity"] == "high"
        await home.submit(client, 20)
        assert (await only(http, status="open"))["severity"] == "urgent"


async def test_a_rule_alert_repeats_ends_by_itself_and_keeps_its_history(home: Home) -> None:
    client = await home.new_client()
    await home.assess(client, True, True, False)
    async with home.http() as http:
        alert = await only(http, status="open", rule="reliable_deterioration")
        assert alert["inputs"] == {"baseline": 20.0, "latest": 12.0}
        await home.assess(client, True, True, False, False)
        alert = await only(http, status="resolved")
    assert [one["what"] for one in alert["history"]] == ["raised", "repeated", "resolved"]  # type: ignore[attr-defined]


async def test_an_alert_whose_rating_is_void_is_withdrawn_and_stays_listed(home: Home) -> None:
    client = await home.new_client()
    await home.assess(client, True)
    rating = assessed(client, 2, True)
    withdrawn = AssessmentWithdrawn(
        rating_id=rating.rating_id,
        episode_id=client.episode_id,
        client_id=client.id,
        series=rating.series,
        measure=rating.measure,
    )
    await home.handle(home.rules, await home.record(client, withdrawn))
    async with home.http() as http:
        alert = await only(http, status="withdrawn")
        assert alert["text"] == "Worse by 8 than the first rating."
        # Nothing is remembered of the void rating: the next ones count from the beginning.
        await home.assess(client, False, False)
        assert (await only(http))["version"] == 2


async def test_a_batch_that_begins_and_ends_an_alert_leaves_it_resolved(home: Home) -> None:
    client = await home.new_client()
    await home.assess(client, True, False, False, True)
    async with home.http() as http:
        items = (await http.get("/v1/alerts")).json()["items"]
    assert sorted(item["status"] for item in items) == ["open", "resolved"]


async def test_a_person_resolves_a_rule_alert_with_a_reason(home: Home) -> None:
    client = await home.new_client()
    await home.assess(client, True)
    async with home.http() as http:
        link = f"/v1/alerts/{(await only(http))['id']}"
        wrong = await http.post(f"{link}/review", json=REVIEW)
        assert (wrong.status_code, wrong.json()["code"]) == (409, "not_a_risk")
        body = {"reason": "talked about it", "note": "<script>", "actor": "Dr A"}
        assert (await http.post(f"{link}/resolve", json=body)).status_code == 200
        told = (await http.get(link)).json()
    assert told["history"][-1]["note"] == "<script>"
    assert told["history"][-1]["by"] == "Dr A"


async def test_an_alert_tells_whether_its_episode_goes_on(home: Home) -> None:
    client = await home.new_client()
    now, episode = datetime.now(UTC), client.episode_id
    opened = EpisodeOpened(
        episode_id=episode, client_id=client.id, age_group="adult", opened_at=now
    )
    closed = EpisodeClosed(episode_id=episode, client_id=client.id, closed_at=now, ending="planned")
    reopened = EpisodeReopened(episode_id=episode, client_id=client.id, at=now)
    await home.submit(client, 30)
    async with home.http() as http:
        assert (await only(http))["episode_status"] == "unknown"
        for event, status in ((opened, "open"), (closed, "closed"), (reopened, "open")):
            await home.handle(home.care, await home.record(client, event))
            alert = await only(http)
            assert alert["episode_status"] == status
        told = await http.get(f"/v1/alerts/{alert['id']}")
    assert told.json() == alert


async def test_a_read_waits_for_the_submission_that_it_must_know(home: Home) -> None:
    client = await home.new_client()
    position = encode_position("feedback", f"feedback-{client.episode_id}", 1)
    async with home.http() as http:
        behind = await http.get("/v1/alerts", params={"min_position": position})
        assert (behind.status_code, behind.json()["code"]) == (503, "not_yet_here")
        assert "retry-after" in behind.headers
        reading = asyncio.create_task(only(http, min_position=position))
        await home.submit(client, 30)
        assert (await reading)["client_id"] == client.id
        elsewhere = encode_position("intake", "client-1", 1)
        for unknown in ("nonsense", elsewhere):
            answer = await http.get("/v1/alerts", params={"min_position": unknown})
            assert answer.status_code == 422


async def test_another_tenant_sees_nothing_of_it(home: Home) -> None:
    client = await home.new_client()
    await home.submit(client, 30)
    async with home.http() as http, home.http(tenant=new_id()) as stranger:
        link = f"/v1/alerts/{(await only(http))['id']}"
        assert (await stranger.get("/v1/alerts")).json()["items"] == []
        assert (await stranger.get(link)).status_code == 404
        for path, body in (
            ("acknowledge", {}),
            ("review", REVIEW),
            ("resolve", {"reason": "not mine"}),
        ):
            assert (await stranger.post(f"{link}/{path}", json=body)).status_code == 404
        assert (await only(http))["version"] == 1


async def test_scopes_are_asked_for(home: Home) -> None:
    async with home.http(scopes=["alerts.read"]) as reader, home.http(scopes=[]) as nobody:
        link = f"/v1/alerts/{new_id()}"
        assert (await reader.post(f"{link}/acknowledge", json={})).status_code == 403
        for path in ("/v1/alerts", link, "/v1/stream"):
            assert (await nobody.get(path)).status_code == 403
        del reader.headers["authorization"]
        for path in ("/v1/alerts", link, "/v1/stream"):
            assert (await reader.get(path)).status_code == 401


async def test_one_idempotency_key_many_times_is_one_event_and_one_body(home: Home) -> None:
    client = await home.new_client()
    await home.assess(client, True)
    async with home.http() as http:
        link = f"/v1/alerts/{(await only(http))['id']}"
        headers = {"Idempotency-Key": "once"}

        async def ask(reason: str) -> httpx.Response:
            return await http.post(f"{link}/resolve", json={"reason": reason}, headers=headers)

        answers = await asyncio.gather(*(ask("talked") for _ in range(20)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        assert (await http.get(link)).json()["version"] == 2
        assert (await ask("something else")).status_code == 422


async def test_commands_at_once_change_an_alert_once(home: Home) -> None:
    client = await home.new_client()
    await home.assess(client, True)
    async with home.http() as http:
        link = f"/v1/alerts/{(await only(http))['id']}"
        body = {"reason": "talked about it"}
        answers = await asyncio.gather(
            *(http.post(f"{link}/resolve", json=body) for _ in range(20))
        )
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [200] + [409] * 19
        assert (await http.get(link)).json()["version"] == 2


async def test_if_match_refuses_what_has_changed_in_the_meantime(home: Home) -> None:
    client = await home.new_client()
    await home.assess(client, True)
    async with home.http() as http:
        link = f"/v1/alerts/{(await only(http))['id']}"
        tag = (await http.get(link)).headers["etag"]
        path = f"{link}/acknowledge"
        first = await http.post(path, json={}, headers={"If-Match": tag})
        second = await http.post(f"{link}/resolve", json={"reason": "x"}, headers={"If-Match": tag})
    assert (first.status_code, second.status_code) == (200, 412)


async def test_pages_show_every_alert_once(home: Home) -> None:
    for _ in range(7):
        await home.submit(await home.new_client(), 30)
    seen: list[str] = []
    async with home.http() as http:
        path: str | None = "/v1/alerts?limit=3"
        while path:
            answer = await http.get(path)
            seen += [item["id"] for item in answer.json()["items"]]
            following = answer.json()["next"]
            assert bool(following) is ("link" in answer.headers)
            path = f"/v1/alerts?limit=3&cursor={following}" if following else None
    assert len(seen) == len(set(seen)) == 7


async def test_a_row_left_behind_by_a_crash_is_brought_up_to_date_by_who_lists_it(
    home: Home,
) -> None:
    client = await home.new_client()
    await home.assess(client, True)
    async with home.http() as http:
        link = f"/v1/alerts/{(await only(http))['id']}"
        before = await rows(home)
        await http.post(f"{link}/acknowledge", json={})
        after = await rows(home)
        await put_back(home, before)
        assert (await only(http))["status"] == "acknowledged"
    assert await rows(home) == after != before


async def test_a_consumer_goes_on_from_the_stream_where_the_row_was_left_behind(
    home: Home,
) -> None:
    client = await home.new_client()
    await home.assess(client, True)
    before = await rows(home)
    async with home.http() as http:
        link = f"/v1/alerts/{(await only(http))['id']}"
        await http.post(f"{link}/acknowledge", json={})
        await put_back(home, before)
        await home.assess(client, True, True)
        alert = await only(http)
    assert [one["what"] for one in alert["history"]] == ["raised", "acknowledged", "repeated"]  # type: ignore[attr-defined]


async def test_a_row_that_still_says_open_does_not_stand_in_the_way_of_a_new_alert(
    home: Home,
) -> None:
    client = await home.new_client()
    await home.submit(client, 30)
    before = await rows(home)
    async with home.http() as http:
        link = f"/v1/alerts/{(await only(http))['id']}"
        review = {"seen_how": "by telephone", "outcome": "safe", "actor": "Dr. A"}
        assert (await http.post(f"{link}/review", json=review)).status_code == 200
        await put_back(home, before)
        await home.submit(client, 30)
        listed = (await http.get("/v1/alerts")).json()["items"]
    assert sorted(one["status"] for one in listed) == ["open", "resolved"]


async def rows(home: Home) -> list[tuple[object, ...]]:
    """The rows of the tenant's alerts."""
    async with home.database.session(home.tenant) as conn:
        found = await driver(conn).fetch("SELECT version, status, state FROM alerts ORDER BY 3")
    return [tuple(row) for row in found]


async def put_back(home: Home, rows: list[tuple[object, ...]]) -> None:
    """Make the one row what it was, as if nobody had written it since."""
    async with home.database.session(home.tenant) as conn:
        await driver(conn).execute("UPDATE alerts SET version=$1, status=$2, state=$3", *rows[0])
