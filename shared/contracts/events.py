"""What every event is made of.

An event is one Struct. All its fields are *clear* but one: `private`, a Struct of everything
that identifies a person or is clinical, which travels and rests as one ciphertext under the
subject's key (`shared/privacy/`). In memory `private` is that Struct, or None once the subject
is erased: whoever reads it says what an erased field means to them.

Write `kw_only=True` on every subclass too: msgspec does not inherit it.
"""

from typing import ClassVar

import msgspec


class Private(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of the private part of an event."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of every event: `type` is its CloudEvents type, `version` that of its schema."""

    type: ClassVar[str]
    version: ClassVar[int] = 1


class Sealed(msgspec.Struct, frozen=True, gc=False):
    """The private part as it travels: format version, whose key, nonce, ciphertext."""

    v: int
    sub: str
    n: bytes
    c: bytes
