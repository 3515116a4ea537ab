"""Old schema versions are read as if they had been written today."""

import json
from typing import Any, ClassVar

import msgspec
import pytest

from shared.contracts import BrokenContract, Catalogue, Event, Private, envelope_bytes
from shared.contracts.upcasters import Upcaster, registry
from shared.ids import new_id
from tests.contract.examples import CLIENT, LATER, TENANT


class Words(Private, frozen=True, kw_only=True):
    """What was said; version 1 had one text."""

    sentences: list[str]


class Said(Event, frozen=True, kw_only=True):
    """Version 3: `tone` came with 2, `volume` was renamed from `loudness` in 3."""

    type: ClassVar[str] = "heroic.test.Said"
    version: ClassVar[int] = 3
    tone: str
    volume: int
    private: Words | None


def split(fields: dict[str, Any]) -> dict[str, Any]:
    return {"sentences": fields["text"].split(". ")}


def rename(fields: dict[str, Any]) -> dict[str, Any]:
    return {"tone": fields["tone"], "volume": fields["loudness"]}


STEPS = [
    Upcaster(Said.type, 1, clear=lambda fields: fields | {"tone": "calm"}, private=split),
    Upcaster(Said.type, 2, clear=rename),
]
CATALOGUE = Catalogue([Said], registry(STEPS))


def old_message(version: int, data: object) -> bytes:
    return envelope_bytes(
        event_type=Said.type,
        event_id=new_id(),
        subject=CLIENT,
        recorded_at=LATER,
        tenant=TENANT,
        stream="client-1",
        version=4,
        epoch=0,
        position=9,
        schema_version=version,
        correlation_id=new_id(),
        causation_id=None,
        traceparent=None,
        data=json.dumps(data).encode(),
    )


@pytest.mark.parametrize(
    ("version", "data"),
    [
        (1, {"loudness": 7}),
        (2, {"loudness": 7, "tone": "calm"}),
        (3, {"volume": 7, "tone": "calm"}),
    ],
)
def test_every_version_is_read_as_the_present_one(version: int, data: object) -> None:
    envelope = CATALOGUE.decode(old_message(version, data))

    assert msgspec.structs.asdict(envelope.data) == {"private": None, "volume": 7, "tone": "calm"}
    assert (envelope.event_type, envelope.schemaversion) == (Said.type, version)
    assert (envelope.stream, envelope.version, envelope.recorded_at) == ("client-1", 4, LATER)


def test_an_old_version_goes_through_its_upcaster_even_where_it_would_read_as_the_new_one() -> None:
    # A field of the same name and type, of another meaning: only the version tells.
    envelope = CATALOGUE.decode(old_message(2, {"loudness": 7, "volume": 1, "tone": "calm"}))

    assert msgspec.structs.asdict(envelope.data)["volume"] == 7


def test_the_private_part_of_an_old_version_is_raised_once_it_is_open() -> None:
    words = CATALOGUE.decode_private(Said.type, 1, b'{"text": "I slept. I ate"}  ')

    assert words == Words(sentences=["I slept", "I ate"])
    assert words == CATALOGUE.decode_private(Said.type, 2, b'{"sentences": ["I slept", "I ate"]}')


@pytest.mark.parametrize(
    ("version", "data", "says"),
    [
        (1, [], "not an object"),
        (2, {"tone": "calm"}, "old schema"),
        (2, {"tone": "calm", "loudness": "7"}, "Expected `int`"),
        (0, {"tone": "calm"}, "no way"),
    ],
)
def test_an_old_event_that_breaks_its_own_schema_is_refused(
    version: int, data: object, says: str
) -> None:
    with pytest.raises(BrokenContract, match=says) as caught:
        CATALOGUE.decode(old_message(version, data))

    assert caught.value.envelope is not None
