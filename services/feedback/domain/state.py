"""The ratings of one episode as they stand, folded from their stream."""

from collections.abc import Iterable
from datetime import datetime
from functools import singledispatch

import msgspec

from shared.contracts import Event
from shared.contracts.feedback import (
    Mode,
    RaterKind,
    RatingContent,
    RatingCorrected,
    RatingMoved,
    RatingSubmitted,
    RatingVoided,
)


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody says that a client said, before it is scored. Numbers are tenths.

    It holds `items` or a `total`. Two ratings with the same `Given` say the same.
    """

    measure: str
    occurred_at: datetime
    items: dict[str, int] | None = None
    total: int | None = None
    rater_kind: RaterKind = "self"
    rater_id: str | None = None
    mode: Mode = "self"
    language: str | None = None
    session_id: str | None = None
    note: str | None = None
    external_id: str | None = None


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be changed of a rating (None: as it is), and why. Numbers are tenths."""

    items: dict[str, int] | None = None
    total: int | None = None
    occurred_at: datetime | None = None
    reason: str


class Rating(msgspec.Struct, frozen=True, kw_only=True):
    """A rating as it stands. `given` is None once the client is erased."""

    id: str
    client_id: str
    definition_version: int
    given: Given | None
    content: RatingContent | None
    version: int
    imported: bool = False
    void: bool = False


class Feedback(msgspec.Struct):
    """All ratings of one episode; `version` is that of the stream.

    `moved` says of ratings that are here no more to which episode they went.
    """

    version: int = 0
    ratings: dict[str, Rating] = {}
    moved: dict[str, str] = {}


def fold(events: Iterable[tuple[int, Event]]) -> Feedback:
    """The state after `events`, each with its version in the stream."""
    feedback = Feedback()
    for version, event in events:
        evolve(event, feedback, version)
        feedback.version = version
    return feedback


@singledispatch
def evolve(event: Event, feedback: Feedback, version: int) -> None:
    """Take `event` into `feedback`; events that do not concern ratings change nothing."""


@evolve.register
def submitted(event: RatingSubmitted, feedback: Feedback, version: int) -> None:
    """A new rating, or one that comes from another episode."""
    feedback.moved.pop(event.rating_id, None)
    feedback.ratings[event.rating_id] = Rating(
        id=event.rating_id,
        client_id=event.client_id,
        definition_version=event.definition_version,
        given=given_in(event, event.private) if event.private else None,
        content=event.private,
        version=version,
        imported=event.imported,
    )


def given_in(event: RatingSubmitted, content: RatingContent) -> Given:
    """What was given, as it can be compared with what comes in later."""
    return Given(
        measure=event.measure,
        occurred_at=event.occurred_at,
        items=content.items or None,
        total=None if content.items else content.total,
        rater_kind=event.rater_kind,
        rater_id=event.rater_id,
        mode=event.mode,
        language=event.language,
        session_id=event.session_id,
        note=content.note,
        external_id=content.external_id,
    )


@evolve.register
def corrected(event: RatingCorrected, feedback: Feedback, version: int) -> None:
    """The rating as it stands from now on; how it was taken stays as it was."""
    former, content = feedback.ratings[event.rating_id], event.private
    given = None
    if former.given is not None and content is not None:
        given = msgspec.structs.replace(
            former.given,
            occurred_at=event.occurred_at,
            items=content.items or None,
            total=None if content.items else content.total,
            note=content.note,
        )
    feedback.ratings[event.rating_id] = msgspec.structs.replace(
        former,
        definition_version=event.definition_version,
        given=given,
        content=content,
        version=version,
        imported=event.imported,
    )


@evolve.register
def moved(event: RatingMoved, feedback: Feedback, version: int) -> None:
    """The rating goes on in another episode."""
    del feedback.ratings[event.rating_id]
    feedback.moved[event.rating_id] = event.to_episode_id


@evolve.register
def voided(event: RatingVoided, feedback: Feedback, version: int) -> None:
    """The rating does not count any more."""
    former = feedback.ratings[event.rating_id]
    feedback.ratings[event.rating_id] = msgspec.structs.replace(former, void=True, version=version)
