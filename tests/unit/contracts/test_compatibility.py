"""The checker of changes, tried on made-up ones."""

from typing import Any, Literal

import msgspec
import pytest

from shared.contracts import Catalogue, Event, Private
from shared.contracts.compatibility import changes, unreadable_changes
from shared.contracts.contract import Contract
from shared.contracts.schema import Schema, schema_of
from shared.contracts.upcasters import Upcaster, registry

TYPE = "heroic.test.Noted"


def event(
    clear: dict[str, Any], private: dict[str, Any] | None = None, version: int = 1
) -> type[Event]:
    """An event with these fields; a value is a type, or a pair of type and default."""

    def struct(name: str, base: type, fields: dict[str, Any], **namespace: Any) -> Any:
        pairs = [(k, *(v if isinstance(v, tuple) else (v,))) for k, v in fields.items()]
        options: dict[str, Any] = {"frozen": True, "kw_only": True, "namespace": namespace}
        return msgspec.defstruct(name, pairs, bases=(base,), **options)

    fields = dict(clear)
    if private is not None:
        fields["private"] = struct("Content", Private, private, __doc__="What.") | None
    noted: type[Event] = struct(
        "Noted", Event, fields, __doc__="Stream `x`: y.", type=TYPE, version=version
    )
    return noted


def schema(clear: dict[str, Any], private: dict[str, Any] | None = None) -> Schema:
    return schema_of(Contract(event(clear, private)))


class Point(msgspec.Struct):
    """A point."""

    x: int


class FarPoint(msgspec.Struct):
    """A point with more to it."""

    x: int
    y: int


OLD: dict[str, Any] = {
    "id": str,
    "kind": Literal["a", "b"],
    "level": (int | None, None),
    "tags": (list[str], msgspec.field(default_factory=list)),
    "points": (list[Point], msgspec.field(default_factory=list)),
    "ready": (bool, False),
}
OLD_PRIVATE: dict[str, Any] = {"note": (str, ""), "items": dict[str, int]}

BREAKING: dict[str, tuple[dict[str, Any], str]] = {
    "removed": ({k: v for k, v in OLD.items() if k != "ready"}, "data.ready: removed"),
    "retyped": (OLD | {"id": int}, "data.id: retyped"),
    "optional retyped": (OLD | {"level": (str | None, None)}, "data.level: retyped"),
    "no longer optional": (OLD | {"level": (int, 0)}, "data.level: retyped"),
    "newly required": (OLD | {"who": str}, "data.who: newly required"),
    "default removed": (OLD | {"ready": bool}, "data.ready: newly required"),
    "default changed": (OLD | {"ready": (bool, True)}, "data.ready: default changed"),
    "value removed": (OLD | {"kind": Literal["a"]}, "data.kind: values removed"),
    "list of others": (OLD | {"tags": (list[int], [])}, "data.tags[]: retyped"),
    "newly required inside": (OLD | {"points": (list[FarPoint], [])}, "data.points[].y: newly"),
    "private part gone": (OLD, "private: removed"),
}

HARMLESS: dict[str, dict[str, Any]] = {
    "nothing": OLD,
    "optional field added": OLD | {"who": (str | None, None)},
    "value added": OLD | {"kind": Literal["a", "b", "c"]},
    "no longer required": OLD | {"id": (str, "")},
    "may be none": OLD | {"id": (str | None, None)},
    "another order": dict(reversed(OLD.items())),
}


@pytest.mark.parametrize(("fields", "says"), BREAKING.values(), ids=BREAKING)
def test_a_change_that_old_events_would_not_survive_is_named(
    fields: dict[str, Any], says: str
) -> None:
    private = None if says.startswith("private") else OLD_PRIVATE

    found = changes(schema(OLD, OLD_PRIVATE), schema(fields, private))

    assert any(change.startswith(says) for change in found), found
    # Nothing is said of the fields that did not change.
    changed = says.split(":")[0].removeprefix("data.")
    assert all(changed in change for change in found), found


@pytest.mark.parametrize("fields", HARMLESS.values(), ids=HARMLESS)
def test_a_change_that_old_events_survive_is_let_through(fields: dict[str, Any]) -> None:
    assert changes(schema(OLD, OLD_PRIVATE), schema(fields, OLD_PRIVATE)) == []


@pytest.mark.parametrize(
    ("private", "says"),
    [
        ({"items": dict[str, int]}, "private.note: removed"),
        (OLD_PRIVATE | {"items": dict[str, str]}, "private.items[]: retyped"),
        (OLD_PRIVATE | {"why": str}, "private.why: newly required"),
        (OLD_PRIVATE | {"note": (str, "-")}, "private.note: default changed"),
    ],
)
def test_the_sealed_part_is_held_to_the_same(private: dict[str, Any], says: str) -> None:
    assert changes(schema(OLD, OLD_PRIVATE), schema(OLD, private)) == [says]


def test_a_bound_may_be_loosened_and_not_tightened() -> None:
    def bounded(limit: int) -> Schema:
        return {"type": "object", "properties": {"a": {"type": "string", "maxLength": limit}}}

    assert changes(bounded(10), bounded(20)) == []
    assert changes(bounded(20), bounded(10)) == ["data.a: maxLength narrowed"]


def test_an_event_is_never_removed_and_no_version_goes_back() -> None:
    one, two = event(OLD), event(OLD, version=2)
    kept = {(TYPE, 1): schema_of(Contract(one)), (TYPE, 2): schema_of(Contract(two))}

    assert unreadable_changes(Catalogue([one], {}), kept) == [
        f"{TYPE} v2: its version went back to 1"
    ]
    assert unreadable_changes(Catalogue([two], {}), kept) == [f"{TYPE} v1: no upcaster reads it"]
    raised = Catalogue([two], registry([Upcaster(TYPE, 1)]))
    assert unreadable_changes(raised, kept) == []
    assert unreadable_changes(raised, {("heroic.test.Gone", 1): {}}) == [
        "heroic.test.Gone v1: the event was removed"
    ]
