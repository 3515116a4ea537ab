"""Hypothesis strategies for events: any values that their contracts allow."""

from datetime import UTC, date, datetime
from decimal import Decimal
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from shared.contracts import CATALOGUE, Event

TEXT = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(TEXT, max_size=30),
    int: st.integers(-(2**31), 2**31 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    Decimal: st.decimals(-1000, 1000, allow_nan=False, places=2),
    date: st.dates(),
    datetime: st.datetimes(timezones=st.just(UTC)),
    NoneType: st.none(),
}


def any_event() -> st.SearchStrategy[Event]:
    """Any event of any type."""
    return st.one_of([_struct(contract.event) for contract in CATALOGUE.contracts.values()])


def _struct(kind: type[Any]) -> st.SearchStrategy[Any]:
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for field in msgspec.structs.fields(kind):
        (required if field.required else optional)[field.name] = _value(field.type)
    return st.fixed_dictionaries(required, optional=optional).map(lambda values: kind(**values))


def _value(kind: Any) -> st.SearchStrategy[Any]:
    origin, args = get_origin(kind), get_args(kind)
    if kind in PLAIN:
        return PLAIN[kind]
    if origin is Annotated:
        return _value(args[0])
    if origin is Literal:
        return st.sampled_from(args)
    if origin is list:
        return st.lists(_value(args[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(_value(args[0]), _value(args[1]), max_size=3)
    if origin in (Union, UnionType):
        return st.one_of([_value(arg) for arg in args])
    return _struct(kind)
