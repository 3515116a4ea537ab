"""Which episodes there are, as intake says it."""

from datetime import UTC, datetime

from services.feedback.consumers import CarePlan
from services.feedback.domain.episode import Episode
from services.feedback.lookup import Question, look_up
from shared.contracts import Event
from shared.contracts.intake import ClientRegistered, EpisodeClosed, EpisodeOpened, EpisodeReopened
from shared.ids import new_id
from tests.support.feedback import OPENED, Feedback

CLOSED = datetime(2026, 3, 1, tzinfo=UTC)


def opened(episode_id: str, external_hash: str | None = None) -> EpisodeOpened:
    return EpisodeOpened(
        episode_id=episode_id,
        client_id="client",
        age_group="adolescent",
        opened_at=OPENED,
        external_hash=external_hash,
    )


def closed(episode_id: str) -> EpisodeClosed:
    return EpisodeClosed(
        episode_id=episode_id, client_id="client", closed_at=CLOSED, ending="planned"
    )


def reopened(episode_id: str) -> EpisodeReopened:
    return EpisodeReopened(episode_id=episode_id, client_id="client", at=CLOSED)


async def take(feedback: Feedback, *batch: Event) -> None:
    """One batch of the consumer."""
    plan = CarePlan()
    for event in batch:
        plan.take(feedback.tenant, event)
    async with feedback.database.session(feedback.tenant) as conn:
        await plan.apply(conn)


async def known(feedback: Feedback, episode_id: str) -> Episode:
    asked = Question(ids=frozenset([episode_id]))
    return (await look_up(feedback.database, feedback.tenant, asked)).by_id[episode_id].episode


async def test_an_episode_is_known_whole(feedback: Feedback) -> None:
    episode = new_id()
    await take(feedback, ClientRegistered(client_id="client", private=None), opened(episode))
    assert await known(feedback, episode) == Episode(episode, "client", "adolescent", OPENED)


async def test_closing_and_reopening_count_in_one_batch_and_in_many(feedback: Feedback) -> None:
    together, apart = new_id(), new_id()
    await take(feedback, opened(together), closed(together), reopened(together), closed(together))
    for event in (opened(apart), closed(apart), reopened(apart)):
        await take(feedback, event)
    assert (await known(feedback, together)).closed_at == CLOSED
    assert (await known(feedback, apart)).closed_at is None


async def test_it_is_found_by_the_hash_of_its_external_id_by_its_own_tenant_alone(
    feedback: Feedback,
) -> None:
    episode = new_id()
    await take(feedback, opened(episode, "a1b2"))
    asked = Question(hashes=frozenset(["a1b2"]))
    found = await look_up(feedback.database, feedback.tenant, asked)
    assert found.by_hash["a1b2"].episode.id == episode
    assert (await look_up(feedback.database, new_id(), asked)).by_hash == {}
