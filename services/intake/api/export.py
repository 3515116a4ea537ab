"""What intake gives away: clients, episodes and sessions, with all that was recorded of them."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import get_args

from services.intake.claims import client_stream
from services.intake.domain.client import Client
from services.intake.domain.client import fold as fold_client
from services.intake.domain.episode import Episode
from services.intake.domain.episode import fold as fold_episode
from shared.contracts.intake import ClientDetails, Purpose
from shared.database import Database, driver
from shared.exporting import Cut
from shared.web.export import Sheet, export_router

router = export_router("intake")

PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
CLIENTS = (
    "client_id",
    "external_id",
    "identifiers",
    "given_name",
    "family_name",
    "birth_date",
    "sex_for_norms",
    "language",
    "contacts",
    "measuring",
    *(f"consent_{purpose}" for purpose in PURPOSES),
)
EPISODES = (
    "episode_id",
    "client_id",
    "external_id",
    "age_group",
    "opened_at",
    "clinician_id",
    "clinic_id",
    "status",
    "closed_at",
    "ending",
    "reason",
)
SESSIONS = (
    "session_id",
    "episode_id",
    "client_id",
    "external_id",
    "starts_at",
    "ends_at",
    "status",
    "type",
    "medium",
    "entered_in_error",
)

# By an index of these alone.
EPISODES_OF = """
SELECT stream FROM streams
WHERE tenant = $1 AND subject = ANY($2::text[]) AND starts_with(stream, 'episode-')
"""


class IntakeArchivist:
    """Knows the streams of clients, and what stands in them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def streams(self, tenant: str, client_ids: Sequence[str]) -> list[str]:
        """Their own, and those of their episodes."""
        async with self._database.session(tenant) as conn:
            rows = await driver(conn).fetch(EPISODES_OF, tenant, list(client_ids))
        return [*map(client_stream, client_ids), *(row["stream"] for row in rows)]

    def sheets(self, cut: Cut) -> Iterator[Sheet]:
        """Clients, episodes, sessions."""
        yield Sheet("clients.csv", CLIENTS, clients(cut))
        yield Sheet("episodes.csv", EPISODES, episodes(cut))
        yield Sheet("sessions.csv", SESSIONS, sessions(cut))


async def clients(cut: Cut) -> AsyncIterator[Sequence[object]]:
    """A row a client."""
    async for history in cut.histories("client-"):
        client = fold_client([one.data for one in history])
        if client is not None and client.details is not None:
            yield client_row(client, client.details)


def client_row(client: Client, details: ClientDetails) -> Sequence[object]:
    """A client; a consent is empty where they have not decided."""
    decided = [client.consent(purpose) for purpose in PURPOSES]
    return (
        client.id,
        details.external_id,
        "; ".join(f"{one.system} {one.value}" for one in details.identifiers),
        details.given_name,
        details.family_name,
        details.birth_date,
        details.sex_for_norms,
        details.language,
        "; ".join(f"{one.channel} {one.value}" for one in details.contacts),
        client.measuring,
        *(one.given if one else None for one in decided),
    )


async def standing_episodes(cut: Cut) -> AsyncIterator[Episode]:
    """Each episode as it stands."""
    async for history in cut.histories("episode-"):
        episode = fold_episode([one.data for one in history])
        if episode is not None:
            yield episode


async def episodes(cut: Cut) -> AsyncIterator[Sequence[object]]:
    """A row an episode."""
    async for episode in standing_episodes(cut):
        opening, closing = episode.opening, episode.closing
        yield (
            episode.id,
            episode.client_id,
            opening.external_id,
            opening.age_group,
            opening.opened_at,
            episode.clinician_id,
            opening.clinic_id,
            episode.status,
            closing.closed_at if closing else None,
            closing.ending if closing else None,
            closing.reason if closing else None,
        )


async def sessions(cut: Cut) -> AsyncIterator[Sequence[object]]:
    """A row a session."""
    async for episode in standing_episodes(cut):
        for session in episode.sessions.values():
            facts = session.facts
            yield (
                session.id,
                episode.id,
                episode.client_id,
                session.external_id,
                facts.starts_at,
                facts.ends_at,
                facts.status,
                facts.session_type,
                facts.medium,
                session.in_error,
            )
