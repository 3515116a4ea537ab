"""The opaque `position` of HTTP answers: which event a reader wants to have been applied."""

import base64
import binascii
from typing import NamedTuple

import msgspec

from shared.errors import FieldError, Invalid

MAX_LENGTH = 400


class Position(NamedTuple):
    """One event's place: the service that wrote it, its stream, its version there (from 1)."""

    service: str
    stream: str
    version: int


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Position).decode


def encode_position(service: str, stream: str, version: int) -> str:
    """The position as a text for URLs."""
    packed = _encode(Position(service, stream, version))
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def decode_position(text: str) -> Position:
    """The position in `text`; raises Invalid where it is none of ours."""
    try:
        if len(text) > MAX_LENGTH:
            raise ValueError("too long")
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        position = _decode(packed)
    except (ValueError, binascii.Error, msgspec.DecodeError) as error:
        raise Invalid("no position", errors=[FieldError("/min_position", "no position")]) from error
    if position.version < 0 or "\0" in position.stream or "\0" in position.service:
        raise Invalid("no position", errors=[FieldError("/min_position", "no position")])
    return position
