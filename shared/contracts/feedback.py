"""Events of feedback: what clients say. Scores are integer tenths."""

# ruff: noqa: RUF012 - msgspec gives every Struct its own copy of an empty default.

from datetime import datetime
from typing import ClassVar, Literal

import msgspec

from shared.contracts.events import Event, Private

RaterKind = Literal["self", "caretaker", "collateral"]
Mode = Literal["self", "assisted", "remote", "kiosk", "paper"]


class RiskFlag(msgspec.Struct, frozen=True):
    """A risk item of a form: `value` in tenths as answered (0 too), None where it was skipped."""

    item: str
    target: Literal["self", "others"]
    value: int | None


class RatingContent(Private, frozen=True, kw_only=True):
    """What the client said.

    `items` maps item number to tenths (skipped items are absent); it is empty for a total-only
    rating. `total` and `subscales` are tenths; `total` is None where the form cannot be scored.
    `risk` has one entry for each risk item that the form asks and whose answer came with it;
    `flags` are marks of scoring such as `prorated`.
    """

    items: dict[str, int] = {}
    total: int | None = None
    subscales: dict[str, int] = {}
    flags: list[str] = []
    risk: list[RiskFlag] = []
    note: str | None = None
    external_id: str | None = None


class RatingSubmitted(Event, frozen=True, kw_only=True):
    """Stream `feedback-<episode id>`: one filled-in form.

    `imported` says that it came in as history; `definition_version` is that of the measure it
    was scored with; `session_id` the session it is about, where known.
    """

    type: ClassVar[str] = "heroic.feedback.RatingSubmitted"
    rating_id: str
    episode_id: str
    client_id: str
    measure: str
    definition_version: int
    occurred_at: datetime
    rater_kind: RaterKind = "self"
    rater_id: str | None = None
    mode: Mode = "self"
    language: str | None = None
    session_id: str | None = None
    imported: bool = False
    private: RatingContent | None


class RatingCorrection(RatingContent, frozen=True, kw_only=True):
    """The rating's content as it stands from now on, and why it was changed."""

    reason: str = ""


class RatingCorrected(Event, frozen=True, kw_only=True):
    """Stream `feedback-<episode id>`: the rating as it stands from now on (whole).

    `imported` says that the correction came in as history.
    """

    type: ClassVar[str] = "heroic.feedback.RatingCorrected"
    rating_id: str
    episode_id: str
    client_id: str
    measure: str
    definition_version: int
    occurred_at: datetime
    rater_kind: RaterKind = "self"
    rater_id: str | None = None
    imported: bool = False
    private: RatingCorrection | None


class VoidReason(Private, frozen=True, kw_only=True):
    """Why a rating is void."""

    reason: str


class RatingVoided(Event, frozen=True, kw_only=True):
    """Stream `feedback-<episode id>`: the rating does not count any more."""

    type: ClassVar[str] = "heroic.feedback.RatingVoided"
    rating_id: str
    episode_id: str
    client_id: str
    measure: str
    rater_kind: RaterKind = "self"
    rater_id: str | None = None
    private: VoidReason | None


class RatingDeclined(Event, frozen=True, kw_only=True):
    """Stream `feedback-<episode id>`: the client would rather not; that is not a score of zero."""

    type: ClassVar[str] = "heroic.feedback.RatingDeclined"
    episode_id: str
    client_id: str
    measure: str
    session_id: str | None = None
    at: datetime
