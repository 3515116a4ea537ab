"""The private part of an event: it comes back whole to who may read it, and to nobody else."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import (
    BrokenContract,
    Envelope,
    Event,
    Sealed,
    decode,
    envelope_bytes,
)
from shared.contracts.feedback import RatingContent, RatingDeclined, RatingSubmitted
from shared.contracts.intake import ClientDetails, ClientRegistered, EpisodeClosed
from shared.errors import Permanent
from shared.ids import new_id
from shared.privacy import (
    Forged,
    KeyMissing,
    SubjectCipher,
    SubjectErased,
    leave_sealed,
    open_all,
    open_envelope,
    seal,
    sealed_for,
)
from tests.contract.examples import AT, CLIENT, EPISODE, LATER, OF_RATING, RATING
from tests.support.keyring import memory_keyring
from tests.support.strategies import any_event

TENANT, STREAM, EVENT_ID = new_id(), f"feedback-{EPISODE}", new_id()
CIPHER = SubjectCipher(CLIENT, b"c" * 32)
CIPHERS = {(TENANT, CLIENT): CIPHER}
PLACE = {"tenant": TENANT, "stream": STREAM, "event_id": EVENT_ID}


def rating(**content: Any) -> RatingSubmitted:
    return RatingSubmitted(
        **OF_RATING, definition_version=1, occurred_at=AT, private=RatingContent(**content)
    )


def travelled(event: Event, data: bytes | None = None, **place: str) -> Envelope:
    """The envelope that arrives when `event` was sent from PLACE, some of it changed on the way."""
    arrived = PLACE | place
    return decode(
        envelope_bytes(
            event_type=event.type,
            event_id=arrived["event_id"],
            subject=CLIENT,
            recorded_at=LATER,
            tenant=arrived["tenant"],
            stream=arrived["stream"],
            version=1,
            epoch=0,
            position=1,
            schema_version=event.version,
            correlation_id=new_id(),
            causation_id=None,
            traceparent=None,
            data=data or seal(event, CIPHER, **PLACE),
        )
    )


@given(any_event())
def test_every_event_comes_back_as_it_was(event: Event) -> None:
    assert open_envelope(travelled(event), CIPHERS).data == event


@given(any_event())
def test_no_reader_fails_on_an_erased_event(event: Event) -> None:
    envelope = travelled(event)

    erased = open_envelope(envelope, {(TENANT, CLIENT): None})

    assert erased == leave_sealed(envelope)
    assert getattr(erased.data, "private", None) is None
    clear = {name: value for name, value in fields(event).items() if name != "private"}
    assert clear.items() <= fields(erased.data).items()


def fields(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


def test_nothing_private_can_be_read_on_the_way() -> None:
    said = rating(
        items={"1": 7771},
        total=87_654,
        note="canary-note",
        external_id="canary-id",
        flags=["canary"],
    )
    known = ClientRegistered(
        client_id=CLIENT, private=ClientDetails(given_name="Canary", external_id="canary-1044")
    )

    for event in (said, known):
        data = seal(event, CIPHER, **PLACE).lower()
        assert not any(secret in data for secret in (b"canary", b"87654", b"7771"))
        # Not in base64 either: the ciphertext itself says nothing.
        sealed = travelled(event).data.private
        assert sealed is not None
        assert b"anary" not in sealed.c
        assert b"8765" not in sealed.c


@pytest.mark.parametrize("place", ["tenant", "stream", "event_id"])
def test_a_private_part_moved_to_another_place_does_not_open(place: str) -> None:
    other = {"tenant": new_id(), "stream": f"feedback-{new_id()}", "event_id": new_id()}[place]
    envelope = travelled(rating(total=100), None, **{place: other})

    with pytest.raises(Forged):
        open_envelope(envelope, {(envelope.tenant, CLIENT): CIPHER})


def test_the_same_words_in_other_places_do_not_run_into_each_other() -> None:
    sealed = CIPHER.seal(b"{}", tenant="a", stream="bc", event_id="d")

    with pytest.raises(Forged):
        CIPHER.open(sealed, tenant="ab", stream="c", event_id="d")


@given(st.integers(min_value=0), st.integers(1, 255))
def test_no_changed_byte_of_a_ciphertext_opens(where: int, change: int) -> None:
    envelope = travelled(rating(total=100, note="I slept."))
    sealed = envelope.data.private
    assert sealed is not None
    changed = bytearray(sealed.c)
    changed[where % len(changed)] ^= change

    with pytest.raises(Forged):
        CIPHER.open(msgspec.structs.replace(sealed, c=bytes(changed)), **PLACE)


@pytest.mark.parametrize(
    "change",
    [{"v": 2}, {"n": b""}, {"n": b"x" * 11}, {"n": b"x" * 12}, {"c": b""}, {"c": b"short"}],
)
def test_a_sealed_part_of_another_shape_does_not_open(change: dict[str, Any]) -> None:
    sealed = CIPHER.seal(b"{}", **PLACE)

    with pytest.raises(Forged):
        CIPHER.open(msgspec.structs.replace(sealed, **change), **PLACE)


def test_another_key_does_not_open_it() -> None:
    other = SubjectCipher(CLIENT, b"d" * 32)

    with pytest.raises(Forged):
        open_envelope(travelled(rating(total=100)), {(TENANT, CLIENT): other})


def test_what_is_sealed_under_a_key_that_never_was_is_not_ours() -> None:
    with pytest.raises(KeyMissing) as caught:
        open_envelope(travelled(rating(total=100)), {})

    assert isinstance(caught.value, Permanent)
    assert caught.value.refs == {(TENANT, CLIENT)}


def test_a_sealed_text_that_is_no_content_of_this_event_is_refused_without_its_words() -> None:
    sealed = CIPHER.seal(b'{"total": "her words"}', **PLACE)
    data = seal(
        RatingDeclined(episode_id=EPISODE, client_id=CLIENT, measure="ors", at=AT), None, **PLACE
    )
    assert b"private" not in data
    forged = msgspec.json.encode(fields(rating()) | {"private": sealed, "rating_id": RATING})

    with pytest.raises(BrokenContract) as caught:
        open_envelope(travelled(rating(), forged), CIPHERS)

    assert "Expected `int | null`, got `str`" in caught.value.detail
    assert "her words" not in caught.value.detail


def test_neither_a_total_nor_a_skipped_item_shows_in_the_length() -> None:
    lengths = {
        len(seal(event, CIPHER, **PLACE))
        for event in (
            rating(total=0, items={"1": 0}),
            rating(total=270, items={"1": 30}),
            rating(total=None, items={}),
        )
    }

    assert len(lengths) == 1


def test_the_same_content_never_looks_the_same_twice() -> None:
    first, second = (seal(rating(total=100), CIPHER, **PLACE) for _ in range(2))

    assert first != second


def test_nothing_private_is_written_about_somebody_erased() -> None:
    with pytest.raises(SubjectErased):
        seal(rating(total=100), None, **PLACE)


def test_the_clear_part_of_an_event_needs_no_key() -> None:
    closed = EpisodeClosed(episode_id=EPISODE, client_id=CLIENT, closed_at=AT, ending="planned")

    envelope = travelled(closed, seal(closed, None, **PLACE))

    assert open_envelope(envelope, {}).data == closed
    assert sealed_for([envelope]) == set()


@pytest.mark.parametrize(
    "broken",
    [
        rating(total=23.4),
        rating(note="NUL \0 in it"),
        msgspec.structs.replace(rating(), occurred_at=AT.replace(tzinfo=None)),
        msgspec.structs.replace(rating(), measure="x" * 1001),
        msgspec.structs.replace(rating(), definition_version=2**31),
    ],
    ids=["points for tenths", "NUL", "no time zone", "endless text", "too large"],
)
def test_what_no_reader_would_accept_is_not_written(broken: Event) -> None:
    with pytest.raises(BrokenContract):
        seal(broken, CIPHER, **PLACE)


async def test_many_are_opened_in_order_with_one_look_for_their_keys() -> None:
    keyring = memory_keyring()
    people = [new_id() for _ in range(3)]
    refs = [(TENANT, person) for person in people]
    await keyring.create(refs)
    ciphers = await keyring.load(refs)
    envelopes = [
        travelled(event, seal(event, ciphers[TENANT, person], **PLACE))
        for number, person in enumerate(people)
        for event in [rating(total=number)]
    ]
    await keyring.destroy((TENANT, people[1]))

    opened = await open_all(envelopes, keyring)

    contents = [getattr(recorded.data, "private", None) for recorded in opened]
    assert contents == [RatingContent(total=0), None, RatingContent(total=2)]
    assert all(isinstance(envelope.data.private, Sealed) for envelope in envelopes)
