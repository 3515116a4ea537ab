"""The decisions about ratings: pure functions that give the event to append, or none."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from services.feedback.domain.episode import Episode, check_measuring, place
from services.feedback.domain.measures import Measure
from services.feedback.domain.state import Given, Rating
from shared.contracts.feedback import (
    RatingContent,
    RatingCorrected,
    RatingCorrection,
    RatingDeclined,
    RatingSubmitted,
    RatingVoided,
    VoidReason,
)
from shared.errors import Conflict, Gone, NotFound
from shared.measures import Scored, score

Likeness = Literal["same", "correctable", "other"]

CORRECTABLE = ("items", "total", "occurred_at", "note")
"""What a correction may change; for anything else the rating is voided and submitted anew."""


def submit(
    given: Given,
    measure: Measure,
    episode: Episode,
    rating_id: str,
    latest: datetime,
    *,
    imported: bool = False,
) -> RatingSubmitted:
    """Take a rating, scored with the newest version of its measure, closed episode or not.

    Raises MeasuringDeclined for one that was given after the client declined measuring, Invalid
    for a measure that is not offered, numbers off their scale, a time in the future or more than
    90 days before the opening.
    """
    definition = measure.offered()
    scored = score(definition, given.items, given.total)
    flags = place(episode, given.occurred_at, latest)
    check_measuring(episode, given.occurred_at)
    return RatingSubmitted(
        rating_id=rating_id,
        episode_id=episode.id,
        client_id=episode.client_id,
        measure=given.measure,
        definition_version=definition.version,
        occurred_at=given.occurred_at,
        rater_kind=given.rater_kind,
        rater_id=given.rater_id,
        mode=given.mode,
        language=given.language,
        session_id=given.session_id,
        imported=imported,
        private=RatingContent(
            items=scored.items,
            total=scored.total,
            subscales=scored.subscales,
            flags=[*scored.flags, *flags],
            risk=scored.risk,
            note=given.note,
            external_id=given.external_id,
        ),
    )


def likeness(rating: Rating, given: Given) -> Likeness:
    """How what came in relates to the rating that has its external id.

    Raises Gone where the client has been erased.
    """
    present = known(rating)
    if present == given:
        return "same"
    if rating.void:
        return "other"
    kept = {name: getattr(present, name) for name in CORRECTABLE}
    return "correctable" if msgspec.structs.replace(given, **kept) == present else "other"


def correct(
    rating: Rating,
    given: Given,
    reason: str,
    measure: Measure,
    episode: Episode,
    latest: datetime,
    *,
    imported: bool = False,
) -> RatingCorrected | None:
    """Let the rating say `given` from now on; None where it says so already.

    It is scored with the version of the measure that it was first scored with. Raises Conflict
    for a void rating or one that differs in more than a correction may change, Gone after an
    erasure, Invalid as `submit`.
    """
    alike = likeness(rating, given)
    if rating.void:
        raise Conflict("The rating is void.")
    if alike == "same":
        return None
    if alike == "other":
        raise Conflict("Only answers, time and note can be corrected: void it and submit anew.")
    definition = measure.at(rating.definition_version)
    scored = score(definition, given.items, given.total)
    flags = place(episode, given.occurred_at, latest)
    return RatingCorrected(
        rating_id=rating.id,
        episode_id=episode.id,
        client_id=episode.client_id,
        measure=given.measure,
        definition_version=definition.version,
        occurred_at=given.occurred_at,
        rater_kind=given.rater_kind,
        rater_id=given.rater_id,
        imported=imported,
        private=correction(scored, flags, given, reason),
    )


def correction(scored: Scored, flags: list[str], given: Given, reason: str) -> RatingCorrection:
    """The private part of a correction."""
    return RatingCorrection(
        items=scored.items,
        total=scored.total,
        subscales=scored.subscales,
        flags=[*scored.flags, *flags],
        risk=scored.risk,
        note=given.note,
        external_id=given.external_id,
        reason=reason,
    )


def with_changes(
    rating: Rating,
    items: dict[str, int] | None,
    total: int | None,
    occurred_at: datetime | None,
) -> Given:
    """What the rating would say with these answers or this time; None leaves what it says."""
    given = known(rating)
    if items is not None or total is not None:
        given = msgspec.structs.replace(given, items=items, total=total)
    if occurred_at is not None:
        given = msgspec.structs.replace(given, occurred_at=occurred_at)
    return given


def void(rating: Rating, reason: str, episode_id: str) -> RatingVoided | None:
    """Let the rating count no more; None where it is void already."""
    given = known(rating)
    if rating.void:
        return None
    return RatingVoided(
        rating_id=rating.id,
        episode_id=episode_id,
        client_id=rating.client_id,
        measure=given.measure,
        rater_kind=given.rater_kind,
        rater_id=given.rater_id,
        private=VoidReason(reason=reason),
    )


def decline(
    episode: Episode, measure: Measure, session_id: str | None, now: datetime
) -> RatingDeclined:
    """The client would rather not fill in this measure."""
    return RatingDeclined(
        episode_id=episode.id,
        client_id=episode.client_id,
        measure=measure.offered().key,
        session_id=session_id,
        at=now,
    )


def find(ratings: Mapping[str, Rating], rating_id: str) -> Rating:
    """The rating of that id; NotFound if there is none."""
    rating = ratings.get(rating_id)
    if rating is None:
        raise NotFound("There is no such rating.")
    return rating


def known(rating: Rating) -> Given:
    """What the rating says; Gone where the client has been erased."""
    if rating.given is None:
        raise Gone("The client has been erased.")
    return rating.given
