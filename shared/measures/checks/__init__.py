"""Whether a definition contradicts itself: for the shipped ones and for an organisation's own.

- `check_definition(definition) -> [FieldError, ...]`: every contradiction by its JSON pointer
- `read_definition(document) -> Definition`: decoded and checked, or Invalid naming all that
"""

import re
from itertools import chain

import msgspec

from shared.errors import FieldError, Invalid
from shared.measures.checks.identity import check_identity
from shared.measures.checks.items import check_items
from shared.measures.checks.norms import check_norms
from shared.measures.checks.scales import check_range, check_scales
from shared.measures.checks.thresholds import check_thresholds
from shared.measures.checks.words import check_words
from shared.measures.definition import Definition

__all__ = ["check_definition", "read_definition"]

LATER = (check_identity, check_items, check_range, check_thresholds, check_norms, check_words)


def check_definition(definition: Definition) -> list[FieldError]:
    """Everything in which the definition contradicts itself; empty if it is sound.

    Numbers that are no scale come alone: nothing else can be said while there is none.
    """
    problems = list(check_scales(definition))
    return problems or list(chain.from_iterable(check(definition) for check in LATER))


def read_definition(document: bytes) -> Definition:
    """The definition in a JSON document; Invalid if it is none or contradicts itself."""
    try:
        definition = msgspec.json.decode(document, type=Definition)
    except msgspec.DecodeError as error:
        raise Invalid(errors=[malformed(str(error))]) from error
    problems = check_definition(definition)
    if problems:
        raise Invalid("The definition contradicts itself.", errors=problems)
    return definition


def malformed(message: str) -> FieldError:
    """What the decoder says ("Expected `int` - at `$.items[0].id`"), by a JSON pointer."""
    found = re.fullmatch(r"(.+) - at `(?:key` in `)?\$(.*)`", message)
    if found is None:
        return FieldError("", message, "malformed")
    pointer = re.sub(r"\[(\d+|\.\.\.)\]", r".\1", found[2]).replace("....", ".*")
    return FieldError(pointer.replace(".", "/"), found[1], "malformed")
