"""What a definition calls itself, its items and its subscales."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from shared.errors import FieldError
from shared.measures.definition import Definition

NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,38}[a-z0-9])?")


def check_identity(definition: Definition) -> Iterator[FieldError]:
    """Key, version, title; every item, subscale and code named once and as it may be."""
    if not NAME.fullmatch(definition.key):
        yield bad_name("/key")
    if definition.version < 1:
        yield FieldError("/version", "versions count from 1", "bad_version")
    if not definition.title.strip():
        yield FieldError("/title", "must not be empty", "no_title")
    if definition.formula.times < 1:
        yield FieldError("/formula/times", "must be 1 or more", "bad_formula")
    items = [item.id for item in definition.items]
    subscales = [subscale.key for subscale in definition.subscales]
    yield from check_names("/items", "id", items)
    yield from check_names("/subscales", "key", subscales)
    for code in definition.codes:
        if code not in {"panel", "total", *items, *subscales}:
            yield FieldError(f"/codes/{code}", "names no item or subscale", "unknown_item")


def check_names(pointer: str, field: str, names: Iterable[str]) -> Iterator[FieldError]:
    """The names of a list's entries: well formed, and each once."""
    seen: Counter[str] = Counter()
    for place, name in enumerate(names):
        seen[name] += 1
        if not NAME.fullmatch(name):
            yield bad_name(f"{pointer}/{place}/{field}")
        elif seen[name] == 2:
            yield FieldError(f"{pointer}/{place}/{field}", f"{name} is there twice", "twice")


def bad_name(pointer: str) -> FieldError:
    """A name that cannot be one."""
    return FieldError(
        pointer, "must be lower case letters, digits, - and _; at most 40", "bad_name"
    )
