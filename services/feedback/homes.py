"""Where a rating is now: in the episode that it was submitted to, or where it was moved since."""

from typing import NamedTuple

from services.feedback.domain import ratings
from services.feedback.domain.state import Feedback, Rating, fold
from services.feedback.lookup import stream_of
from shared.commands import TRIES, Stands
from shared.errors import Conflict, PreconditionFailed
from shared.eventstore import EventStore


class Home(NamedTuple):
    """A rating, and the episode that has it, with the version of the stream of its ratings."""

    episode_id: str
    version: int
    rating: Rating

    @property
    def stands(self) -> Stands:
        """The stream that the rating is in."""
        return Stands(stream_of(self.episode_id), self.version, self.rating.client_id)

    def check(self, expected: int | None) -> None:
        """Raise PreconditionFailed where the rating has another version than it must have."""
        if expected is not None and self.rating.version != expected:
            raise PreconditionFailed


class Homes:
    """Finds ratings; each episode that a rating has left says where it went."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def find(self, tenant: str, episode_id: str, rating_id: str) -> Home:
        """The rating that was once in `episode_id`; NotFound if it never was."""
        for _ in range(TRIES):
            feedback = await self._load(tenant, episode_id)
            gone_to = feedback.moved.get(rating_id)
            if gone_to is None:
                rating = ratings.find(feedback.ratings, rating_id)
                return Home(episode_id, feedback.version, rating)
            episode_id = gone_to
        raise Conflict("Others keep moving the rating.")

    async def _load(self, tenant: str, episode_id: str) -> Feedback:
        recorded = await self._store.read(tenant, stream_of(episode_id))
        return fold((one.version, one.data) for one in recorded)
