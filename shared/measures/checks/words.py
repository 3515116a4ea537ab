"""Words that belong to the items, and only where the licence lets them ship."""

import re
from collections.abc import Iterator

from shared.errors import FieldError
from shared.measures.definition import Definition
from shared.measures.wording import Wording

LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-[A-Z]{2})?")
"""A language, perhaps a script and a country: en, de-CH, zh-Hant-TW (BCP 47)."""


def check_words(definition: Definition) -> Iterator[FieldError]:
    """Every wording: its language, its licence, and words for all items and no others."""
    for language, wording in definition.wording.items():
        pointer = f"/wording/{language}"
        if not LANGUAGE.fullmatch(language):
            yield FieldError(pointer, "is no language tag", "bad_language")
        if definition.licence.ships != "wording":
            yield FieldError(pointer, "the licence does not let the words ship", "not_licensed")
        if not wording.attribution.strip():
            yield FieldError(f"{pointer}/attribution", "must not be empty", "no_attribution")
        yield from check_wording(pointer, definition, wording)


def check_wording(pointer: str, definition: Definition, wording: Wording) -> Iterator[FieldError]:
    """One wording against the items: none without words, none without its answers."""
    for item, grid in definition.grids.items():
        if not wording.items.get(item, "").strip():
            yield FieldError(f"{pointer}/items/{item}", "has no words", "no_words")
        anchors = wording.anchors_of(item)
        if anchors and len(anchors) != len(grid):
            detail = f"item {item} has {len(grid)} answers"
            yield FieldError(f"{pointer}/anchors", detail, "anchors_do_not_fit")
    for part, named in (("items", wording.items), ("item_anchors", wording.item_anchors)):
        for item in named:
            if item not in definition.grids:
                yield FieldError(
                    f"{pointer}/{part}/{item}", "there is no such item", "unknown_item"
                )
