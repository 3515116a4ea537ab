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
    was scored with; `session_id` the session it is about, where known. `moved_from` is the
    episode that the rating was moved from: it keeps its id, and this says all of it anew.
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
    moved_from: str | None = None
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


class MoveReason(Private, frozen=True, kw_only=True):
    """Why a rating does not belong to its episode."""

    reason: str


class RatingMoved(Event, frozen=True, kw_only=True):
    """Stream `feedback-<episode id>`: the rating belongs to another episode and counts here no
    more.

    Together with it, a `RatingSubmitted` of the same rating id is written to the stream of
    `to_episode_id`. Moved back, the rating is submitted here once more.
    """

    type: ClassVar[str] = "heroic.feedback.RatingMoved"
    rating_id: str
    episode_id: str
    client_id: str
    measure: str
    rater_kind: RaterKind = "self"
    rater_id: str | None = None
    to_episode_id: str
    private: MoveReason | None


class RatingDeclined(Event, frozen=True, kw_only=True):
    """Stream `feedback-<episode id>`: the client would rather not; that is not a score of zero."""

    type: ClassVar[str] = "heroic.feedback.RatingDeclined"
    episode_id: str
    client_id: str
    measure: str
    session_id: str | None = None
    at: datetime


class MeasureContent(Private, frozen=True, kw_only=True):
    """What an organisation publishes: a definition as a JSON document.

    `shared.measures.read_definition(document.encode())` reads it.
    """

    document: str


class MeasurePublished(Event, frozen=True, kw_only=True):
    """Stream `measure-<key>`: a version of a measure, in force for this organisation from now on.

    `key` is a new one, or that of a shipped measure whose versions the organisation continues
    (with norms of its own, say). Kafka key and subject of the private part are the organisation.
    """

    type: ClassVar[str] = "heroic.feedback.MeasurePublished"
    key: str
    definition_version: int
    published_by: str | None = None
    private: MeasureContent | None


class RetirementReason(Private, frozen=True, kw_only=True):
    """Why a measure is asked no more."""

    reason: str


class MeasureRetired(Event, frozen=True, kw_only=True):
    """Stream `measure-<key>`: the organisation takes no new ratings on the measure.

    Those that are there stay, and can be corrected. Publishing a version takes it up again.
    """

    type: ClassVar[str] = "heroic.feedback.MeasureRetired"
    key: str
    retired_by: str | None = None
    private: RetirementReason | None


class LicensedWording(Private, frozen=True, kw_only=True):
    """The words of a form as a JSON document, and who attested to which licence of them."""

    document: str
    licence: str
    attested_by: str


class WordingLicensed(Event, frozen=True, kw_only=True):
    """Stream `measure-<key>`: the organisation's words of a version of a measure, in a language.

    A later one for the same version and language replaces it.
    """

    type: ClassVar[str] = "heroic.feedback.WordingLicensed"
    key: str
    definition_version: int
    language: str
    uploaded_by: str | None = None
    private: LicensedWording | None


class ClientPurged(Event, frozen=True, kw_only=True):
    """Stream `purge-<client id>`: nothing of an erased client is left in feedback."""

    type: ClassVar[str] = "heroic.feedback.ClientPurged"
    client_id: str
    request_id: str
