"""Whether what was written under an old schema can still be read under the new one."""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.contracts.catalogue import Catalogue
from shared.contracts.schema import PRIVATE, Schema, schema_of

# A bound may be loosened, never tightened: (keyword, +1 where a larger value is tighter).
BOUNDS = {"minimum": 1, "minLength": 1, "minItems": 1}
BOUNDS |= {"maximum": -1, "maxLength": -1, "maxItems": -1}
RETYPING = ("type", "format", "contentEncoding", "const", "pattern")


def unreadable_changes(
    catalogue: Catalogue, committed: Mapping[tuple[str, int], Schema]
) -> list[str]:
    """What of the committed schemas `catalogue` would not read, in words; empty is good."""
    problems: list[str] = []
    for (event_type, version), schema in committed.items():
        contract = catalogue.contracts.get(event_type)
        name = f"{event_type} v{version}"
        if contract is None:
            problems.append(f"{name}: the event was removed")
        elif version > contract.version:
            problems.append(f"{name}: its version went back to {contract.version}")
        elif version == contract.version:
            problems += [f"{name}: {change}" for change in changes(schema, schema_of(contract))]
        elif (event_type, version) not in catalogue.upcasters:
            problems.append(f"{name}: no upcaster reads it")
    return problems


def changes(old: Schema, new: Schema) -> list[str]:
    """The incompatible changes from one schema document to another."""
    found = list(_changes(old, new, _Documents(old, new), "data"))
    inner_old, inner_new = old.get(PRIVATE), new.get(PRIVATE)
    if inner_old is not None and inner_new is None:
        found.append("private: removed")
    if inner_old is not None and inner_new is not None:
        found += _changes(inner_old, inner_new, _Documents(old, new), "private")
    return found


class _Documents:
    """The two documents, to find what a `$ref` in them means."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old, self._new = old, new

    def old(self, schema: Schema) -> Schema:
        return _resolved(schema, self._old)

    def new(self, schema: Schema) -> Schema:
        return _resolved(schema, self._new)


def _resolved(schema: Schema, document: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    definition: Schema = document["$defs"][reference.rpartition("/")[2]]
    return definition


def _changes(old: Schema, new: Schema, documents: _Documents, path: str) -> Iterator[str]:
    if "default" in old and old["default"] != new.get("default", old["default"]):
        # A field that has its default is left out on the wire: another default rewrites the past.
        yield f"{path}: default changed"
    old, new = documents.old(old), documents.new(new)
    if "anyOf" in old or "anyOf" in new:
        yield from _branch_changes(old, new, documents, path)
        return
    if any(old.get(keyword) != new.get(keyword) for keyword in RETYPING):
        yield f"{path}: retyped"
        return
    yield from _narrowed(old, new, path)
    yield from _property_changes(old, new, documents, path)
    for keyword in ("items", "additionalProperties"):
        before, after = old.get(keyword), new.get(keyword)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _changes(before, after, documents, f"{path}[]")
        elif before != after:
            yield f"{path}: retyped"


def _branch_changes(old: Schema, new: Schema, documents: _Documents, path: str) -> Iterator[str]:
    after = new.get("anyOf", [new])
    for branch in old.get("anyOf", [old]):
        attempts = [list(_changes(branch, other, documents, path)) for other in after]
        if all(attempts):
            # The attempt that came furthest says most: a change inside beats "retyped".
            yield from max(attempts, key=lambda attempt: max(map(len, attempt)))


def _narrowed(old: Schema, new: Schema, path: str) -> Iterator[str]:
    removed = [value for value in old.get("enum", ()) if value not in new.get("enum", [value])]
    if removed or ("enum" in new and "enum" not in old):
        yield f"{path}: values removed"
    for keyword, direction in BOUNDS.items():
        if keyword in new and (keyword not in old or _tighter(old, new, keyword, direction)):
            yield f"{path}: {keyword} narrowed"


def _tighter(old: Schema, new: Schema, keyword: str, direction: int) -> bool:
    before: Any = old[keyword]
    return bool((new[keyword] - before) * direction > 0)


def _property_changes(old: Schema, new: Schema, documents: _Documents, path: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name, schema in before.items():
        if name not in after:
            yield f"{path}.{name}: removed"
        else:
            yield from _changes(schema, after[name], documents, f"{path}.{name}")
    for name in new.get("required", ()):
        if name not in old.get("required", ()):
            yield f"{path}.{name}: newly required"
