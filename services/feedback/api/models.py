"""What requests to feedback are made of."""

from typing import Annotated

from pydantic import Field

from services.feedback.domain.episode import Reference
from services.feedback.domain.state import Correction, Given
from services.feedback.handlers import Target
from shared.contracts.feedback import LicensedWording, Mode, RaterKind
from shared.errors import FieldError, Invalid
from shared.web import ApiModel, ExternalId, Id, Name, Points, UtcTime, Words, text

MAX_ITEMS = 200
MAX_ITEM_CHARS = 40
"""As long as the name of an item may be in a definition."""
MAX_ANCHORS = 200
MAX_VERSION = 1_000_000

ItemId = Annotated[str, text(MAX_ITEM_CHARS)]
Items = Annotated[dict[ItemId, Points], Field(max_length=MAX_ITEMS)]
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
Anchors = Annotated[list[Words], Field(max_length=MAX_ANCHORS)]
Reason = Annotated[Words, Field(min_length=1)]


class Rater(ApiModel):
    """Who filled the form in. Their id travels in the clear, so it is one of ours, never a name."""

    kind: RaterKind = "self"
    id: Id | None = None


class OfEpisode(ApiModel):
    """A body that names an episode: by exactly one of its ids."""

    episode_id: Id | None = None
    episode_external_id: ExternalId | None = None

    def reference(self) -> Reference:
        """The episode as it is named; Invalid if it is named twice or not at all."""
        return reference(self.episode_id, self.episode_external_id)


def reference(id_: str | None, external_id: str | None) -> Reference:
    """An episode named by exactly one of its ids."""
    if (id_ is None) == (external_id is None):
        detail = "give episode_id or episode_external_id, not both or none"
        raise Invalid(errors=[FieldError("/episode_id", detail, "one_reference")])
    return Reference(id_, external_id)


class RatingIn(OfEpisode):
    """A filled-in form: `items` by their number, or the `total` alone, in points."""

    external_id: ExternalId | None = None
    session_id: Id | None = None
    measure: Name
    occurred_at: UtcTime
    items: Items | None = None
    total: Points | None = None
    rater: Rater = Rater()
    mode: Mode = "self"
    language: Language | None = None
    note: Words | None = None

    def given(self) -> Given:
        """What the client said."""
        return Given(
            measure=self.measure,
            occurred_at=self.occurred_at,
            items=self.items,
            total=self.total,
            rater_kind=self.rater.kind,
            rater_id=self.rater.id,
            mode=self.mode,
            language=self.language,
            session_id=self.session_id,
            note=self.note,
            external_id=self.external_id,
        )


class CorrectionIn(ApiModel):
    """What a rating says from now on; what is left out stays as it is."""

    items: Items | None = None
    total: Points | None = None
    occurred_at: UtcTime | None = None
    reason: Reason

    def correction(self) -> Correction:
        """The same in tenths."""
        return Correction(
            items=self.items,
            total=self.total,
            occurred_at=self.occurred_at,
            reason=self.reason,
        )


class VoidIn(ApiModel):
    """Why a rating does not count any more."""

    reason: Reason


class MoveIn(OfEpisode):
    """The episode that a rating belongs to, the session there that it is about, and why."""

    session_id: Id | None = None
    reason: Reason

    def target(self) -> Target:
        """Where the rating goes."""
        return Target(self.reference(), self.session_id, self.reason)


class DeclineIn(OfEpisode):
    """The measure that a client would rather not fill in."""

    measure: Name
    session_id: Id | None = None


class RetireIn(ApiModel):
    """Why a measure is asked no more."""

    reason: Reason


class WordsIn(ApiModel):
    """The words of a form in one language, word for word as its owner has published them.

    `stem` goes before every item; `items` has the text of each item by its id. `anchors` are the
    answers of all items, lowest first, but of those in `item_anchors`, which have their own.
    `attribution` is shown with the form; `source` says where the words were taken from.
    """

    title: Name
    instruction: Words = ""
    stem: Words = ""
    items: Annotated[dict[ItemId, Words], Field(max_length=MAX_ITEMS)]
    anchors: Anchors = Field(default_factory=list)
    item_anchors: dict[ItemId, Anchors] = Field(default_factory=dict, max_length=MAX_ITEMS)
    attribution: Words
    source: Words


class WordingIn(ApiModel):
    """The words of a licensed form, and who attests that the organisation may use them."""

    version: Annotated[int, Field(ge=1, le=MAX_VERSION)] | None = None
    language: Name
    wording: WordsIn
    licence: Reason
    attested_by: Name

    def words(self) -> LicensedWording:
        """As the event keeps it."""
        return LicensedWording(
            document=self.wording.model_dump_json(),
            licence=self.licence,
            attested_by=self.attested_by,
        )


class RatingOut(ApiModel):
    """A rating as it stands, in points; `total` is null where the form cannot be scored."""

    id: Id
    total: float | None
    subscales: dict[str, float]
    flags: list[str]
    version: int
    position: str


class RecordedOut(ApiModel):
    """What was recorded."""

    id: Id
    version: int
    position: str
