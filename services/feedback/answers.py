"""The bodies of answers, as JSON. Numbers in them are points."""

import msgspec

from services.feedback.domain.state import Rating
from services.feedback.lookup import stream_of
from shared.contracts.feedback import RatingContent, RatingSubmitted
from shared.eventstore.position import encode_position

SERVICE = "feedback"


class Answer(msgspec.Struct, frozen=True):
    """A rating as it stands. `version` is that of its stream; reads take `position`."""

    id: str
    total: float | None
    subscales: dict[str, float]
    flags: list[str]
    version: int
    position: str


class BareAnswer(msgspec.Struct, frozen=True):
    """What was recorded, where there is no rating to show."""

    id: str
    version: int
    position: str


encode = msgspec.json.Encoder().encode


NOTHING = RatingContent()
"""What is shown of a rating whose content is gone, or not for the caller to read."""


def submitted_answer(event: RatingSubmitted, version: int, *, shown: bool = True) -> bytes:
    """The answer to a rating that was taken; without its numbers unless they are to be `shown`."""
    content = event.private if shown else None
    return answer(event.rating_id, event.episode_id, content or NOTHING, version)


def rating_answer(rating: Rating, episode_id: str, *, shown: bool = True) -> bytes:
    """The answer about a rating that is there; without its numbers unless they are `shown`."""
    content = rating.content if shown else None
    return answer(rating.id, episode_id, content or NOTHING, rating.version)


def answer(rating_id: str, episode_id: str, content: RatingContent, version: int) -> bytes:
    """The body about one rating."""
    return encode(
        Answer(
            rating_id,
            None if content.total is None else content.total / 10,
            {name: tenths / 10 for name, tenths in content.subscales.items()},
            content.flags,
            version,
            position(episode_id, version),
        )
    )


def bare_answer(event_id: str, episode_id: str, version: int) -> bytes:
    """The body about something that is no rating."""
    return encode(BareAnswer(event_id, version, position(episode_id, version)))


def position(episode_id: str, version: int) -> str:
    """Where reads must have come to include what was just written."""
    return encode_position(SERVICE, stream_of(episode_id), version)
