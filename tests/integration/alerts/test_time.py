"""Rules of time: what is raised as time goes on, once each, and how it ends."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from services.alerts.bell import Bell
from services.alerts.care import CARE_GROUP
from services.alerts.consumers import RISK_GROUP
from services.alerts.courses import Due, look_again, next_due
from services.alerts.timekeeping import Timekeeper, through
from shared.contracts.feedback import RatingSubmitted, RatingVoided, VoidReason
from shared.contracts.intake import (
    EpisodeClosed,
    EpisodeOpened,
    SessionRecorded,
    SessionStatus,
)
from shared.contracts.outcomes import RuleSetPublished
from shared.database import driver, worker_session
from shared.ids import new_id
from shared.measures import default_rules
from shared.topics import PARTITIONS
from tests.integration.alerts.home import Client, Home, nobody_knows, phq9
from tests.integration.alerts.test_stream import listening, take

DAY = timedelta(days=1)
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


FOLLOWED = [
    (CARE_GROUP, "heroic.intake.events"),
    (CARE_GROUP, "heroic.feedback.events"),
    (RISK_GROUP, "heroic.feedback.events"),
]
"""What must have been processed: of each group, a topic."""

REACHED = """
INSERT INTO consumer_checkpoints (group_name, topic, partition, topic_id, next_offset, through)
VALUES ($1, $2, $3, 'topic', 0, $4)
ON CONFLICT (group_name, topic, partition) DO UPDATE SET through = EXCLUDED.through
"""


async def reach(home: Home, followed: tuple[str, str], partition: int, time: datetime) -> None:
    """A partition has been processed through a time."""
    async with home.database.session() as conn:
        await driver(conn).execute(REACHED, *followed, partition, time)


def opened(client: Client, *, imported: bool = False) -> EpisodeOpened:
    return EpisodeOpened(
        episode_id=client.episode_id,
        client_id=client.id,
        age_group="adult",
        opened_at=START,
        imported=imported,
    )


def closed(client: Client, at: datetime) -> EpisodeClosed:
    return EpisodeClosed(
        episode_id=client.episode_id, client_id=client.id, closed_at=at, ending="planned"
    )


def session(client: Client, at: datetime, status: SessionStatus = "held") -> SessionRecorded:
    return SessionRecorded(
        session_id=new_id(),
        episode_id=client.episode_id,
        client_id=client.id,
        starts_at=at,
        status=status,
        session_type="treatment",
    )


def rated(client: Client, at: datetime, *answers: int, imported: bool = False) -> RatingSubmitted:
    return phq9(client, *answers, occurred_at=at, imported=imported)


async def in_care(home: Home) -> Client:
    """A client whose episode has just been opened."""
    client = await home.new_client()
    await home.tell(client, opened(client), at=START)
    return client


async def statuses(home: Home, client: Client, rule: str) -> list[str]:
    return [alert["status"] for alert in await home.alerts(client, rule)]


async def test_after_three_weeks_of_silence_somebody_is_told_once(home: Home) -> None:
    client = await in_care(home)
    await home.tell(client, session(client, START + DAY), at=START + DAY)
    await home.timekeeper.look(START + 22 * DAY)
    assert await home.alerts(client) == []
    for hours in (1, 2, 48):
        await home.timekeeper.look(START + 22 * DAY + timedelta(hours=hours))
    [alert] = await home.alerts(client)
    assert alert["rule"]["id"] == "gap"
    assert (alert["severity"], alert["status"], alert["historical"]) == ("medium", "open", False)
    assert (alert["measure"], alert["rater"]) == (None, None)
    assert alert["thresholds"]["gap"] == 21
    assert datetime.fromisoformat(alert["occurred_at"]) == START + 22 * DAY
    assert [one["what"] for one in alert["history"]] == ["raised"]


async def test_a_second_silence_as_long_is_a_presumed_ending(home: Home) -> None:
    client = await in_care(home)
    await home.timekeeper.look(START + 22 * DAY)
    await home.timekeeper.look(START + 43 * DAY)
    await home.timekeeper.look(START + 60 * DAY)
    [alert] = await home.alerts(client)
    assert [one["what"] for one in alert["history"]] == ["raised", "repeated"]
    assert "ended unplanned" in alert["text"]


async def test_downtime_of_months_tells_everything_once_and_live(home: Home) -> None:
    client = await in_care(home)
    async with home.http() as http, listening(http) as stream:
        await home.timekeeper.look(START + 100 * DAY)
        [raised] = await take(stream, 1)
    assert (raised.name, raised.data["rule"]) == ("alert-raised", "gap")
    [alert] = await home.alerts(client)
    assert [one["what"] for one in alert["history"]] == ["raised", "repeated"]


async def test_the_clock_is_at_what_every_partition_has_processed(home: Home) -> None:
    reached = through(home.database)
    for number, followed in enumerate(FOLLOWED, 1):
        assert await reached() is None
        for partition in range(PARTITIONS):
            await reach(home, followed, partition, START + number * DAY)
    assert await reached() == START + DAY
    await reach(home, FOLLOWED[2], 5, START - DAY)
    assert await reached() == START - DAY


async def test_two_workers_at_once_raise_nothing_twice(home: Home, redis_url: str) -> None:
    clients = [await in_care(home) for _ in range(20)]
    bell = Bell(redis_url)
    workers = [Timekeeper(home.database, home.store, bell, nobody_knows) for _ in range(4)]
    await asyncio.gather(*(worker.look(START + 22 * DAY) for worker in workers))
    await home.timekeeper.look(START + 22 * DAY)
    for client in clients:
        [alert] = await home.alerts(client)
        assert [one["what"] for one in alert["history"]] == ["raised"]
    await bell.close()


async def test_a_gap_ends_with_the_next_contact_and_never_was_with_an_earlier_one(
    home: Home,
) -> None:
    seen, told_late = await in_care(home), await in_care(home)
    await home.timekeeper.look(START + 22 * DAY)
    await home.tell(seen, session(seen, START + 22 * DAY), at=START + 22 * DAY)
    await home.tell(told_late, rated(told_late, START + 10 * DAY), at=START + 22 * DAY)
    await home.timekeeper.look(START + 23 * DAY)
    assert await statuses(home, seen, "gap") == ["resolved"]
    assert await statuses(home, told_late, "gap") == ["withdrawn"]


async def test_a_gap_whose_last_contact_is_voided_begins_earlier(home: Home) -> None:
    client = await in_care(home)
    rating = rated(client, START + 10 * DAY)
    await home.tell(client, rating, at=START + 10 * DAY)
    await home.timekeeper.look(START + 32 * DAY)
    void = RatingVoided(
        rating_id=rating.rating_id,
        episode_id=client.episode_id,
        client_id=client.id,
        measure="phq-9",
        private=VoidReason(reason="wrong client"),
    )
    await home.tell(client, void, at=START + 32 * DAY)
    await home.timekeeper.look(START + 33 * DAY)
    found = {alert["occurred_at"]: alert["status"] for alert in await home.alerts(client, "gap")}
    as_days = {datetime.fromisoformat(at) - START: status for at, status in found.items()}
    assert as_days == {31 * DAY: "resolved", 21 * DAY: "open"}


async def test_closing_the_episode_ends_what_time_has_raised(home: Home) -> None:
    client = await in_care(home)
    await home.timekeeper.look(START + 22 * DAY)
    await home.tell(client, closed(client, START + 22 * DAY), at=START + 22 * DAY)
    await home.timekeeper.look(START + 50 * DAY)
    assert await statuses(home, client, "gap") == ["resolved"]


async def test_two_sessions_missed_in_a_row_and_what_is_missed_after_repeat_it(home: Home) -> None:
    client = await in_care(home)
    for week in (1, 2, 3):
        missed = session(client, START + 7 * week * DAY, "missed")
        await home.tell(client, missed, at=START + 7 * week * DAY)
    await home.timekeeper.look(START + 22 * DAY)
    [alert] = await home.alerts(client, "missed_sessions")
    assert [one["what"] for one in alert["history"]] == ["raised", "repeated"]
    await home.tell(client, session(client, START + 23 * DAY), at=START + 23 * DAY)
    await home.timekeeper.look(START + 24 * DAY)
    assert await statuses(home, client, "missed_sessions") == ["resolved"]


async def test_sessions_without_a_rating_are_told_a_day_after_the_second(home: Home) -> None:
    client = await in_care(home)
    for week in (1, 2):
        await home.tell(client, session(client, START + 7 * week * DAY))
    await home.timekeeper.look(START + 14 * DAY)
    assert await home.alerts(client, "measure_missing") == []
    await home.timekeeper.look(datetime.now(UTC) + timedelta(seconds=10))
    [alert] = await home.alerts(client, "measure_missing")
    assert alert["severity"] == "info"


async def test_an_import_of_old_episodes_is_listed_and_delivered_to_nobody(home: Home) -> None:
    client, live = await home.new_client(), await in_care(home)
    now = START + 90 * DAY
    ratings = [rated(client, START + week * 7 * DAY, imported=True) for week in range(3)]
    await home.tell(client, opened(client, imported=True), *ratings, at=now)
    async with home.http() as http, listening(http) as stream:
        await home.timekeeper.look(now + timedelta(minutes=1))
        [raised] = await take(stream, 1)
    assert raised.data["client_id"] == live.id
    [alert] = await home.alerts(client)
    assert (alert["rule"]["id"], alert["historical"]) == ("gap", True)


async def test_an_imported_episode_that_falls_silent_from_now_on_is_live(home: Home) -> None:
    client = await home.new_client()
    events = opened(client, imported=True), rated(client, START + 5 * DAY, imported=True)
    await home.tell(client, *events, at=START + 6 * DAY)
    await home.timekeeper.look(START + 30 * DAY)
    [alert] = await home.alerts(client)
    assert not alert["historical"]


async def import_risk(home: Home, client: Client, *answers: int, at: datetime) -> None:
    """Ratings a week apart come in as history, the last one on the day before."""
    days = range(7 * (len(answers) - 1) + 1, 0, -7)
    for day, answer in zip(days, answers, strict=True):
        rating = rated(client, at - day * DAY, answer, imported=True)
        await home.handle(home.risk, await home.record(client, rating, at))
        record = await home.record(client, rating, at)
        await home.handle(home.care, record)


async def test_ten_minutes_after_an_import_its_latest_risk_is_told_once(home: Home) -> None:
    client = await in_care(home)
    now = START + 5 * DAY
    await import_risk(home, client, 0, 20, at=now)
    async with home.http() as http, listening(http) as stream:
        await home.timekeeper.look(now + timedelta(minutes=9))
        [before] = await home.alerts(client)
        for minutes in (11, 12, 300):
            await home.timekeeper.look(now + timedelta(minutes=minutes))
        [told] = await take(stream, 1)
    assert before["historical"]
    assert (told.name, told.data["severity"]) == ("alert-raised", "urgent")
    [alert] = await home.alerts(client)
    assert [one["what"] for one in alert["history"]] == ["raised", "repeated"]
    assert alert["text"].startswith("Rated on 6 March 2026, received 7 March 2026. A risk item")


async def test_history_whose_latest_answer_is_no_risk_is_told_to_nobody(home: Home) -> None:
    client = await in_care(home)
    await import_risk(home, client, 20, 0, at=START + 5 * DAY)
    await home.timekeeper.look(START + 6 * DAY)
    [alert] = await home.alerts(client)
    assert alert["historical"]


async def test_risk_of_history_that_somebody_reviewed_is_not_told_again(home: Home) -> None:
    client = await in_care(home)
    await import_risk(home, client, 20, at=START + 5 * DAY)
    [alert] = await home.alerts(client)
    async with home.http() as http:
        review = {"seen_how": "by telephone", "outcome": "safe", "actor": "Dr A"}
        await http.post(f"/v1/alerts/{alert['id']}/review", json=review)
    await home.timekeeper.look(START + 6 * DAY)
    [alert] = await home.alerts(client)
    assert [one["what"] for one in alert["history"]] == ["raised", "reviewed"]


async def test_older_history_does_not_tell_the_latest_risk_again(home: Home) -> None:
    client = await in_care(home)
    await import_risk(home, client, 20, at=START + 5 * DAY)
    await home.timekeeper.look(START + 6 * DAY)
    older = rated(client, START + DAY, 0, imported=True)
    await home.tell(client, older, at=START + 6 * DAY)
    await home.timekeeper.look(START + 7 * DAY)
    [alert] = await home.alerts(client)
    assert [one["what"] for one in alert["history"]] == ["raised", "repeated"]


async def test_a_reviewed_rating_is_not_told_by_the_alert_of_another(home: Home) -> None:
    client = await in_care(home)
    await import_risk(home, client, 20, at=START + 5 * DAY)
    [alert] = await home.alerts(client)
    async with home.http() as http:
        review = {"seen_how": "by telephone", "outcome": "safe", "actor": "Dr A"}
        await http.post(f"/v1/alerts/{alert['id']}/review", json=review)
    older = rated(client, START + DAY, 30, imported=True)
    record = await home.record(client, older, START + 5 * DAY)
    await home.handle(home.risk, record)
    await home.handle(home.care, record)
    await home.timekeeper.look(START + 6 * DAY)
    _, of_older = await home.alerts(client)
    assert (of_older["status"], of_older["historical"]) == ("open", True)


async def test_risk_of_history_waits_while_data_of_the_client_is_held_back(home: Home) -> None:
    client = await in_care(home)
    await import_risk(home, client, 20, at=START + 5 * DAY)
    await hold(home, client)
    await home.timekeeper.look(START + 6 * DAY)
    assert [one["historical"] for one in await home.alerts(client, "risk_item")] == [True]
    await release(home, client)
    await home.timekeeper.look(START + 7 * DAY)
    assert [one["historical"] for one in await home.alerts(client, "risk_item")] == [False]


async def test_what_came_in_during_a_look_has_the_episode_looked_at_again(home: Home) -> None:
    client = await in_care(home)
    for looked_next in (None, START + 50 * DAY):
        [before] = await due_of(home, client)
        await home.tell(client, session(client, START + DAY), at=START + DAY)
        async with home.database.session(client.tenant) as conn:
            await look_again(driver(conn), [(before, looked_next)])
        [after] = await due_of(home, client)
        assert after.touched > before.touched


async def test_what_an_organisation_has_held_back_is_of_no_client(home: Home) -> None:
    client = await in_care(home)
    stream = f"rules-{home.tenant}"
    async with home.database.session(client.tenant) as conn:
        of_stream = "alerts.rules", stream, START, "forged", stream
        await driver(conn).execute(HOLD, client.tenant, *of_stream)
    await home.timekeeper.look(START + DAY)
    async with home.database.session(client.tenant) as conn:
        query = "SELECT count(*) FROM clients WHERE tenant = $1 AND held_since IS NOT NULL"
        assert await driver(conn).fetchval(query, client.tenant) == 0


async def due_of(home: Home, client: Client) -> list[Due]:
    async with worker_session(home.database) as conn:
        found = await next_due(driver(conn), START + 2 * DAY, 10_000)
    return [one for one in found if one.episode_id == client.episode_id]


HOLD = """
INSERT INTO held (tenant, group_name, holder, since, reason, stream)
VALUES ($1, $2, $3, $4, $5, $6)
"""
RELEASE = "DELETE FROM held WHERE tenant = $1 AND holder = $2"


async def hold(home: Home, client: Client) -> None:
    async with home.database.session(client.tenant) as conn:
        stream = f"feedback-{client.episode_id}"
        of_client = CARE_GROUP, client.id, START + 5 * DAY, "forged", stream
        await driver(conn).execute(HOLD, client.tenant, *of_client)


async def release(home: Home, client: Client) -> None:
    async with home.database.session(client.tenant) as conn:
        await driver(conn).execute(RELEASE, client.tenant, client.id)


async def test_what_a_person_has_resolved_is_not_raised_again(home: Home) -> None:
    client = await in_care(home)
    await home.timekeeper.look(START + 22 * DAY)
    [alert] = await home.alerts(client, "gap")
    async with home.http() as http:
        resolution = {"reason": "on holiday", "actor": "Dr A"}
        await http.post(f"/v1/alerts/{alert['id']}/resolve", json=resolution)
    await home.tell(client, session(client, START + 60 * DAY, "booked"), at=START + 23 * DAY)
    await home.timekeeper.look(START + 24 * DAY)
    assert await statuses(home, client, "gap") == ["resolved"]


async def test_an_organisation_that_waits_less_long_is_told_earlier(home: Home) -> None:
    patient = await in_care(home)
    hurried = await home.as_new_tenant().new_client()
    await home.tell(hurried, opened(hurried), at=START)
    sooner = [
        msgspec.structs.replace(rule, thresholds=rule.thresholds | {"days": Decimal(7)})
        for rule in default_rules().rules
    ]
    published = RuleSetPublished(
        organisation_id=hurried.tenant,
        key="own",
        rule_set_version=3,
        effective_from=START + 9.5 * DAY,
        rules=sooner,
    )
    await home.timekeeper.look(START + 2 * DAY)
    await home.handle(home.rules, await home.record(hurried, published, START + 9 * DAY))
    await home.timekeeper.look(START + 9 * DAY)
    assert await home.alerts(hurried) == []
    await home.timekeeper.look(START + 9.6 * DAY)
    assert await home.alerts(patient) == []
    [alert] = await home.alerts(hurried)
    assert alert["thresholds"]["gap"] == 7
