"""What feedback gives away: every rating as it stands, with all that was recorded of it."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

import msgspec

from services.feedback.domain.state import Rating, fold
from services.feedback.lookup import episode_of, stream_of
from shared.contracts import Event, Recorded
from shared.contracts.feedback import RatingContent, RatingSubmitted
from shared.database import Database, driver
from shared.exporting import Cut
from shared.web.export import Sheet, export_router

router = export_router("feedback")

RATINGS = (
    "rating_id",
    "episode_id",
    "client_id",
    "external_id",
    "measure",
    "definition_version",
    "occurred_at",
    "recorded_at",
    "rater_kind",
    "rater_id",
    "mode",
    "language",
    "session_id",
    "total",
    "items",
    "subscales",
    "flags",
    "note",
    "imported",
    "void",
)

EPISODES_OF = "SELECT episode_id FROM episodes WHERE tenant = $1 AND client_id = ANY($2::text[])"


class FeedbackArchivist:
    """Knows the streams of clients, and what stands in them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def streams(self, tenant: str, client_ids: Sequence[str]) -> list[str]:
        """Those of the ratings of their episodes."""
        async with self._database.session(tenant) as conn:
            rows = await driver(conn).fetch(EPISODES_OF, tenant, list(client_ids))
        return [stream_of(row["episode_id"]) for row in rows]

    def sheets(self, cut: Cut) -> Iterator[Sheet]:
        """Ratings."""
        yield Sheet("ratings.csv", RATINGS, ratings(cut))


async def ratings(cut: Cut) -> AsyncIterator[Sequence[object]]:
    """A row a rating; one that was moved is in the episode that it belongs to."""
    async for history in cut.histories(stream_of("")):
        said = fold((one.version, one.data) for one in history)
        recorded = submitted(history)
        for rating in said.ratings.values():
            if rating.given is not None and rating.content is not None:
                yield rating_row(rating, rating.content, recorded[rating.id])


def submitted(history: Sequence[Recorded[Event]]) -> dict[str, Recorded[Event]]:
    """By what each rating came in."""
    return {one.data.rating_id: one for one in history if isinstance(one.data, RatingSubmitted)}


def rating_row(rating: Rating, content: RatingContent, by: Recorded[Event]) -> Sequence[object]:
    """A rating in points."""
    given = rating.given
    return (
        rating.id,
        episode_of(by.stream),
        rating.client_id,
        content.external_id,
        given.measure if given else None,
        rating.definition_version,
        given.occurred_at if given else None,
        by.recorded_at,
        given.rater_kind if given else None,
        given.rater_id if given else None,
        given.mode if given else None,
        given.language if given else None,
        given.session_id if given else None,
        None if content.total is None else content.total / 10,
        points(content.items),
        points(content.subscales),
        " ".join(content.flags),
        content.note,
        rating.imported,
        rating.void,
    )


def points(tenths: Mapping[str, int]) -> str:
    """Scores by their names as JSON, in points."""
    return msgspec.json.encode({name: value / 10 for name, value in tenths.items()}).decode()
