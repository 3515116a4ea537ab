"""Whatever comes out of Kafka: it is an event of ours or a Permanent that says why, never a crash.

And what it says never repeats a word of the message.
"""

import json
import traceback
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import BrokenContract, UnknownType, decode
from shared.errors import Permanent
from tests.contract.examples import EXAMPLES
from tests.contract.golden_files import message

SUBMITTED = json.loads(message(EXAMPLES["heroic.feedback.RatingSubmitted", 1]))
OPENED = json.loads(message(EXAMPLES["heroic.intake.EpisodeOpened", 1]))


def changed(document: dict[str, Any], path: str, value: object) -> bytes:
    """`document` as a message with another value at `path`."""
    copy = json.loads(json.dumps(document))
    *parents, last = path.split(".")
    inner = copy
    for name in parents:
        inner = inner[name]
    inner[last] = value
    return json.dumps(copy).encode()


def without(document: dict[str, Any], name: str) -> bytes:
    """`document` as a message without one attribute."""
    return json.dumps({key: value for key, value in document.items() if key != name}).encode()


BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "truncated"),
    "not JSON": (b"hello", "malformed"),
    "not UTF-8": (b'{"type":"\xff\xfe"}', "UTF-8"),
    "a list": (b"[]", "Expected `object`"),
    "deep nesting of nothing": (b"[" * 200_000, "Expected `object`"),
    "deep nesting in a field that nobody reads": (
        json.dumps(SUBMITTED)[:-1].encode() + b',"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        "nested too deeply",
    ),
    "a lone surrogate": (changed(SUBMITTED, "stream", "S").replace(b'"S"', b'"\\ud800"'), ""),
    "no id": (without(SUBMITTED, "id"), "`id`"),
    "an id that is none": (changed(SUBMITTED, "id", "1; DROP TABLE events"), "`id` is no UUID"),
    "no tenant": (without(SUBMITTED, "tenant"), "`tenant`"),
    "an empty tenant": (changed(SUBMITTED, "tenant", ""), "length >= 1"),
    "an endless stream name": (changed(SUBMITTED, "stream", "s" * 10_000), "length <= 300"),
    "another CloudEvents version": (changed(SUBMITTED, "specversion", "0.3"), "enum value"),
    "another content type": (changed(SUBMITTED, "datacontenttype", "text/xml"), "enum value"),
    "an absurd version": (changed(SUBMITTED, "streamversion", 10**30), "<= 2147483647"),
    "version zero": (changed(SUBMITTED, "streamversion", 0), ">= 1"),
    "a version as text": (changed(SUBMITTED, "streamversion", "7"), "Expected `int`"),
    "a version as a truth": (changed(SUBMITTED, "streamversion", True), "Expected `int`"),
    "an absurd position": (changed(SUBMITTED, "position", "9" * 40), "`position`"),
    "a position of other digits": (changed(SUBMITTED, "position", "٣"), "`position`"),
    "a time without a zone": (changed(SUBMITTED, "time", "2026-03-02T10:00:00"), "timezone"),
    "a time that is none": (changed(SUBMITTED, "time", "yesterday"), "RFC3339"),
    "data that is no object": (changed(SUBMITTED, "data", 7), "Expected `object`"),
    "data without a field": (changed(SUBMITTED, "data", {}), "missing required field"),
    "a number as text": (changed(SUBMITTED, "data.definition_version", "1"), "Expected `int`"),
    "an absurd number": (changed(SUBMITTED, "data.definition_version", 2**40), "<= 2147483647"),
    "a number beyond all": (
        changed(SUBMITTED, "data.definition_version", 77).replace(b": 77", b": 1e309"),
        "out of range",
    ),
    "a day without a zone": (changed(OPENED, "data.opened_at", "2026-03-02T10:00:00"), "timezone"),
    "a value outside its list": (changed(OPENED, "data.age_group", "ancient"), "enum value"),
    "NUL": (changed(SUBMITTED, "data.measure", "a\0b"), "NUL"),
    "NUL behind a backslash": (changed(SUBMITTED, "data.measure", "a\\\0b"), "NUL"),
    "a private part in the clear": (changed(SUBMITTED, "data.private", "x"), "Expected `object"),
    "a ciphertext that is no base64": (changed(SUBMITTED, "data.private.c", "&"), "base64"),
}


@pytest.mark.parametrize(("raw", "says"), BROKEN.values(), ids=BROKEN)
def test_a_broken_message_is_refused_with_a_reason(raw: bytes, says: str) -> None:
    with pytest.raises(BrokenContract) as caught:
        decode(raw)

    assert says in caught.value.detail
    assert len(caught.value.detail) < 200


def test_a_backslash_before_u0000_is_only_text() -> None:
    data = decode(changed(SUBMITTED, "data.measure", "a\\u0000b")).data

    assert msgspec.structs.asdict(data)["measure"] == "a\\u0000b"


def test_the_reason_repeats_no_word_of_the_message() -> None:
    words = "I cannot go on - at `$.x` don't"
    for path in ("data.rater_kind", "specversion", "type", "data.mode", "time"):
        with pytest.raises(Permanent) as caught:
            decode(changed(SUBMITTED, path, words))
        told = "".join(traceback.format_exception(caught.value))
        assert not any(word in told for word in ("I cannot", "`$.x`", "don't"))


def test_the_reason_says_where() -> None:
    with pytest.raises(BrokenContract) as caught:
        decode(changed(SUBMITTED, "data.rater_kind", "her 'own' words"))

    assert caught.value.detail.endswith(" - at `$.data.rater_kind`")


def test_a_broken_event_in_a_sound_envelope_can_be_placed() -> None:
    with pytest.raises(BrokenContract) as caught:
        decode(changed(SUBMITTED, "data", {}))

    envelope = caught.value.envelope
    assert envelope is not None
    assert (envelope.stream, envelope.streamversion) == (SUBMITTED["stream"], 7)


@pytest.mark.parametrize(
    ("path", "value"),
    [("type", "heroic.feedback.RatingFramed"), ("schemaversion", 2)],
    ids=["type", "version"],
)
def test_what_a_newer_program_wrote_is_kept_apart_from_what_is_broken(
    path: str, value: object
) -> None:
    raw = changed(SUBMITTED, path, value)

    with pytest.raises(UnknownType) as caught:
        decode(raw)

    envelope = caught.value.envelope
    assert (envelope.tenant, envelope.version) == (SUBMITTED["tenant"], 7)
    assert json.loads(bytes(envelope.data)) == SUBMITTED["data"]


def test_a_field_that_this_version_does_not_know_yet_is_passed_over() -> None:
    assert decode(changed(SUBMITTED, "data.weather", "fine")) == decode(
        json.dumps(SUBMITTED).encode()
    )


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_decoder(raw: bytes) -> None:
    with pytest.raises(Permanent):
        decode(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@given(st.sampled_from([*SUBMITTED, *(f"data.{name}" for name in SUBMITTED["data"])]), JSON)
def test_no_value_in_any_place_crashes_the_decoder(path: str, value: object) -> None:
    with suppress(Permanent):
        assert decode(changed(SUBMITTED, path, value)).event_type == SUBMITTED["type"]
