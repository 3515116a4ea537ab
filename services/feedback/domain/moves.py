"""The decision to move a rating to the episode that it belongs to."""

from datetime import datetime

from services.feedback.domain.episode import PLACES, Episode, check_measuring, place
from services.feedback.domain.ratings import known
from services.feedback.domain.state import Rating
from shared.contracts.feedback import MoveReason, RatingContent, RatingMoved, RatingSubmitted
from shared.errors import Conflict


def move(
    rating: Rating,
    home: str,
    episode: Episode,
    reason: str,
    session_id: str | None,
    latest: datetime,
) -> tuple[RatingMoved, RatingSubmitted]:
    """Let the rating go on in `episode`: what is said where it leaves (`home`), and where it comes.

    It keeps its id, what it says and how it was scored; the session that it was about is one of
    the episode that it leaves, so that it goes on with `session_id`. Raises Conflict for a void
    rating, MeasuringDeclined as for a new one, Gone after an erasure, Invalid where `episode`
    cannot have a rating of that time.
    """
    given, content = known(rating), rating.content or RatingContent()
    if rating.void:
        raise Conflict("The rating is void.")
    check_measuring(episode, given.occurred_at)
    flags = [flag for flag in content.flags if flag not in PLACES]
    leaving = RatingMoved(
        rating_id=rating.id,
        episode_id=home,
        client_id=rating.client_id,
        measure=given.measure,
        rater_kind=given.rater_kind,
        rater_id=given.rater_id,
        to_episode_id=episode.id,
        private=MoveReason(reason=reason),
    )
    coming = RatingSubmitted(
        rating_id=rating.id,
        episode_id=episode.id,
        client_id=episode.client_id,
        measure=given.measure,
        definition_version=rating.definition_version,
        occurred_at=given.occurred_at,
        rater_kind=given.rater_kind,
        rater_id=given.rater_id,
        mode=given.mode,
        language=given.language,
        session_id=session_id,
        imported=rating.imported,
        moved_from=home,
        private=RatingContent(
            items=content.items,
            total=content.total,
            subscales=content.subscales,
            flags=[*flags, *place(episode, given.occurred_at, latest, "/episode_id")],
            risk=content.risk,
            note=content.note,
            external_id=content.external_id,
        ),
    )
    return leaving, coming
