"""What outcomes gives away: how each series stands, with all that was said of its ratings."""

from collections.abc import AsyncIterator, Iterator, Sequence

from sqlalchemy import select, tuple_

from services.outcomes.queries import LIVE
from services.outcomes.tables import journal, summaries
from shared.database import Database
from shared.exporting import Cut
from shared.web.export import Sheet, export_router

router = export_router("outcomes")

SERIES = (
    "series_id",
    "client_id",
    "episode_id",
    "measure",
    "rater_kind",
    "rater_id",
    "status",
    "ratings",
    "baseline",
    "latest",
    "change",
    "reliable_change",
    "classification",
    "first_rating_at",
    "last_rating_at",
)
TENTHS = {"baseline", "latest", "change"}
PAGE = 500

OWN = "assessment-"
"""How the streams of assessments begin; a client's journal says which they have."""


class OutcomesArchivist:
    """Knows the streams of clients, and how their series stand."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def streams(self, tenant: str, client_ids: Sequence[str]) -> list[str]:
        """Those of the assessments of their episodes."""
        query = select(journal.c.stream).distinct()
        async with self._database.session(tenant) as conn:
            rows = await conn.execute(
                query.where(
                    journal.c.tenant == tenant,
                    journal.c.client_id.in_(client_ids),
                    journal.c.stream.startswith(OWN),
                )
            )
            return list(rows.scalars())

    def sheets(self, cut: Cut) -> Iterator[Sheet]:
        """Series."""
        yield Sheet("series.csv", SERIES, series(cut))


async def series(cut: Cut) -> AsyncIterator[Sequence[object]]:
    """A row a series, in points."""
    columns = summaries.c
    query = (
        select(*(columns[name] for name in SERIES))
        .where(columns.tenant == cut.tenant, columns.projection == LIVE, columns.ratings > 0)
        .order_by(columns.client_id, columns.series_id)
        .limit(PAGE)
    )
    if cut.clients is not None:
        query = query.where(columns.client_id.in_(cut.clients))
    place = ("", "")
    while True:
        async with cut.database.session(cut.tenant) as conn:
            after = tuple_(columns.client_id, columns.series_id) > place
            rows = (await conn.execute(query.where(after))).mappings().all()
        if not rows:
            return
        place = (rows[-1]["client_id"], rows[-1]["series_id"])
        given = await cut.may_give({row["client_id"] for row in rows})
        for row in rows:
            if row["client_id"] in given:
                yield [shown(name, row[name]) for name in SERIES]


def shown(name: str, value: object) -> object:
    """A value of a row, in points where it is a score."""
    return value / 10 if name in TENTHS and isinstance(value, int) else value
