"""What is kept of sessions and forms: the last word on each, in its episode."""

from datetime import timedelta

from shared.contracts.feedback import (
    MoveReason,
    RatingContent,
    RatingCorrected,
    RatingCorrection,
    RatingMoved,
    RatingSubmitted,
    RiskFlag,
)
from shared.contracts.intake import SessionChanged
from shared.database import driver
from tests.integration.alerts.home import Client, Home
from tests.integration.alerts.test_time import DAY, START, in_care, rated, session


async def rows(home: Home, table: str, client: Client) -> list[dict[str, object]]:
    query = f"SELECT * FROM {table} WHERE tenant = $1 AND episode_id = $2"  # noqa: S608 - ours
    async with home.database.session(client.tenant) as conn:
        found = await driver(conn).fetch(query, client.tenant, client.episode_id)
    return [dict(row) for row in found]


def about(rating: RatingSubmitted, session_id: str | None) -> RatingSubmitted:
    return RatingSubmitted(
        rating_id=rating.rating_id,
        episode_id=rating.episode_id,
        client_id=rating.client_id,
        measure="phq-9",
        definition_version=1,
        occurred_at=rating.occurred_at,
        session_id=session_id,
        private=RatingContent(risk=[RiskFlag("9", "self", 20)]),
    )


def corrected(rating: RatingSubmitted, answer: int) -> RatingCorrected:
    return RatingCorrected(
        rating_id=rating.rating_id,
        episode_id=rating.episode_id,
        client_id=rating.client_id,
        measure="phq-9",
        definition_version=1,
        occurred_at=rating.occurred_at + timedelta(hours=1),
        private=RatingCorrection(risk=[RiskFlag("9", "self", answer)], reason="typing error"),
    )


async def test_a_correction_leaves_the_form_with_its_session(home: Home) -> None:
    apart, together = await in_care(home), await in_care(home)
    for client in (apart, together):
        rating = about(rated(client, START + DAY), "session-1")
        events = rating, corrected(rating, 0)
        if client is apart:
            for event in events:
                await home.tell(client, event, at=START + DAY)
        else:
            records = [await home.record(client, event, START + DAY) for event in events]
            await home.handle(home.care, *records)
        [row] = await rows(home, "forms", client)
        assert (row["session_id"], row["risk"]) == ("session-1", 0)
        assert row["at"] == START + DAY + timedelta(hours=1)


async def test_a_moved_form_goes_on_in_its_new_episode_whichever_word_comes_first(
    home: Home,
) -> None:
    for first in ("gone", "there"):
        old, new = await in_care(home), await in_care(home)
        rating = rated(old, START + DAY, 20)
        await home.tell(old, rating, at=START + DAY)
        moved = RatingMoved(
            rating_id=rating.rating_id,
            episode_id=old.episode_id,
            client_id=old.id,
            measure="phq-9",
            to_episode_id=new.episode_id,
            private=MoveReason(reason="wrong client"),
        )
        again = RatingSubmitted(
            rating_id=rating.rating_id,
            episode_id=new.episode_id,
            client_id=new.id,
            measure="phq-9",
            definition_version=1,
            occurred_at=rating.occurred_at,
            moved_from=old.episode_id,
            private=rating.private,
        )
        told = [(old, moved), (new, again)]
        for client, event in told if first == "gone" else told[::-1]:
            await home.tell(client, event, at=START + 2 * DAY)
        assert await rows(home, "forms", old) == []
        [row] = await rows(home, "forms", new)
        assert (row["form_id"], row["risk"]) == (rating.rating_id, 20)


async def test_when_a_session_was_first_told_of_stays(home: Home) -> None:
    apart, together = await in_care(home), await in_care(home)
    for client in (apart, together):
        booked = session(client, START + 9 * DAY, "booked")
        held = SessionChanged(
            session_id=booked.session_id,
            episode_id=client.episode_id,
            client_id=client.id,
            starts_at=booked.starts_at,
            status="held",
            session_type="treatment",
        )
        first = await home.record(client, booked, START + DAY)
        last = await home.record(client, held, START + 9 * DAY)
        for batch in ([first, last],) if client is together else ([first], [last]):
            await home.handle(home.care, *batch)
        [row] = await rows(home, "sessions", client)
        assert (row["status"], row["known_at"]) == ("held", START + DAY)
        assert row["told_at"] == START + 9 * DAY
