"""How one type of event travels: its wire Struct, derived from the event, and the way back."""

from collections.abc import Callable
from datetime import datetime
from operator import attrgetter
from types import UnionType
from typing import Any, Generic, Literal, TypeVar, Union, cast, get_args, get_origin

import msgspec

from shared.contracts.envelope import Envelope, Instant, Int32, Text, Wire
from shared.contracts.events import Event, Private

E = TypeVar("E", bound=Event)

# What comes from outside has bounds that PostgreSQL and comparisons of times can live with.
BOUNDED: dict[Any, Any] = {str: Text, int: Int32, datetime: Instant}


class Contract(Generic[E]):
    """What follows from one event Struct. All of it is derived; nothing is declared twice."""

    def __init__(self, event: type[E]) -> None:
        fields = msgspec.structs.fields(event)
        self.event = event
        self.type = event.type
        self.version = event.version
        self.names = tuple(field.name for field in fields if field.name != "private")
        private = next((field.type for field in fields if field.name == "private"), None)
        self.private: type[Private] | None = get_args(private)[0] if private else None
        self.wire = _wire(event)
        self.envelope = _envelope(event, self.wire)
        self.wire_decoder = msgspec.json.Decoder(self.wire)
        self.private_decoder: msgspec.json.Decoder[Private] = msgspec.json.Decoder(
            self.private or Private
        )
        # Of one name, attrgetter would give the bare value; the private part makes two of it.
        self._values: Callable[[Wire], tuple[Any, ...]] = attrgetter(*self.names, "private")

    def event_of(self, wire: Wire, private: Private | None) -> E:
        """The event with the clear fields of `wire` and this private part."""
        fields = dict(zip(self.names, self._values(wire), strict=False))
        if self.private is not None:
            fields["private"] = private
        return self.event(**fields)


def _wire(event: type[Event]) -> type[Wire]:
    fields = [_field(f) for f in msgspec.structs.fields(event) if f.name != "private"]
    wire = msgspec.defstruct(
        event.__name__,
        fields,
        bases=(Wire,),
        namespace={"__doc__": event.__doc__},
        module=event.__module__,
        frozen=True,
        kw_only=True,
        gc=False,
    )
    return cast("type[Wire]", wire)


def _field(info: msgspec.structs.FieldInfo) -> tuple[str, Any] | tuple[str, Any, Any]:
    kind = _bounded(info.type)
    if info.default is not msgspec.NODEFAULT:
        return info.name, kind, info.default
    if info.default_factory is not msgspec.NODEFAULT:
        return info.name, kind, msgspec.field(default_factory=info.default_factory)
    return info.name, kind


def _bounded(kind: Any) -> Any:
    """`kind` with every plain text, number and time in it replaced by its bounded form."""
    if kind in BOUNDED:
        return BOUNDED[kind]
    origin, args = get_origin(kind), get_args(kind)
    if not args or origin is Literal:
        return kind
    inner = tuple(_bounded(arg) for arg in args)
    return Union[inner] if origin in (Union, UnionType) else origin[inner]  # noqa: UP007


def _envelope(event: type[Event], wire: type[Wire]) -> type[Envelope]:
    envelope = msgspec.defstruct(
        f"{event.__name__}Envelope",
        [("data", wire)],
        bases=(Envelope,),
        namespace={"event_type": event.type},
        module=event.__module__,
        tag_field="type",
        tag=event.type,
        frozen=True,
        kw_only=True,
        gc=False,
    )
    return cast("type[Envelope]", envelope)
