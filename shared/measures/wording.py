"""The words of a form in one language, word for word as its owner has published them."""

from shared.measures.thresholds import Document


class Wording(Document, frozen=True, kw_only=True):
    """The text of a form in one language, apart from how it is scored, so that others can follow.

    `stem` goes before every item; `items` has the text of each item by its id. `anchors` are the
    answers of all items, lowest first, but of those in `item_anchors`, which have their own.
    `attribution` must be shown with the form; `source` says where the words were taken from.
    """

    title: str
    instruction: str = ""
    stem: str = ""
    items: dict[str, str]
    anchors: list[str] = []  # noqa: RUF012 - msgspec copies the default
    item_anchors: dict[str, list[str]] = {}  # noqa: RUF012
    attribution: str
    source: str

    def anchors_of(self, item: str) -> list[str]:
        """The answers that an item offers, lowest first; empty where it has none in words."""
        return self.item_anchors.get(item, self.anchors)
