"""What encrypts the keys of subjects: the port, and keys that this process is given.

A key-management service implements `KeyWrapper` by sending the keys there to be wrapped; here the
key-encryption keys come from the environment or a file.
"""

import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.errors import HeroicError, Unavailable
from shared.privacy.cipher import KEY_BYTES, NONCE_BYTES
from shared.privacy.errors import SubjectRef

UNNAMED = ""
"""The key id of what was wrapped before ids were kept with it: any of the keys may open it."""

NAME_BYTES = 6


class Wrapped(NamedTuple):
    """A subject's key as it rests, and by which key-encryption key it was wrapped."""

    key_id: str
    sealed: bytes


class KeyWrapper(Protocol):
    """Wraps by one key, and unwraps what that or an earlier one wrapped."""

    @property
    def key_id(self) -> str:
        """The key by which it wraps now."""

    async def wrap(self, keys: Mapping[SubjectRef, bytes]) -> dict[SubjectRef, Wrapped]:
        """The keys, each bound to whose it is."""

    async def unwrap(self, wrapped: Mapping[SubjectRef, Wrapped]) -> dict[SubjectRef, bytes]:
        """The keys again; raises `Unavailable` where one does not open, or not for its owner."""


class BadKeyEncryptionKey(HeroicError):
    """HEROIC_KEY_ENCRYPTION_KEY does not hold the base64 of 32 bytes, once or more."""

    code, title = "bad_key_encryption_key", "A key-encryption key is not the base64 of 32 bytes"


class LocalKeyWrapper:
    """AES-256-GCM by keys that are at hand. The first wraps, all unwrap."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise BadKeyEncryptionKey
        self._keys = {key_name(key): AESGCM(key) for key in keys}
        self._key_id = key_name(keys[0])

    @property
    def key_id(self) -> str:
        """The key by which it wraps now."""
        return self._key_id

    async def wrap(self, keys: Mapping[SubjectRef, bytes]) -> dict[SubjectRef, Wrapped]:
        """Nonce and ciphertext of each, bound to its owner."""
        wrapping = self._keys[self._key_id]
        found = {}
        for ref, key in keys.items():
            nonce = os.urandom(NONCE_BYTES)
            sealed = nonce + wrapping.encrypt(nonce, key, _owner(ref))
            found[ref] = Wrapped(self._key_id, sealed)
        return found

    async def unwrap(self, wrapped: Mapping[SubjectRef, Wrapped]) -> dict[SubjectRef, bytes]:
        """The keys again."""
        return {ref: self._open(ref, one) for ref, one in wrapped.items()}

    def _open(self, ref: SubjectRef, wrapped: Wrapped) -> bytes:
        if wrapped.key_id == UNNAMED:
            candidates = list(self._keys.values())
        elif known := self._keys.get(wrapped.key_id):
            candidates = [known]
        else:
            # A fault of the set-up that must not park every event.
            given = ", ".join(self._keys)
            raise Unavailable(
                f"a key was wrapped by the key-encryption key {wrapped.key_id}, which is not among "
                f"those given ({given}): give it too, after the first"
            )
        nonce, sealed = wrapped.sealed[:NONCE_BYTES], wrapped.sealed[NONCE_BYTES:]
        for wrapping in candidates:
            try:
                return wrapping.decrypt(nonce, sealed, _owner(ref))
            except InvalidTag:
                continue
        raise Unavailable("a key does not open under the key-encryption keys that are given")


def local_wrapper(keys: str) -> LocalKeyWrapper:
    """The wrapper by one or more keys, each the base64 of 32 bytes, apart by commas or blanks.

    Raises BadKeyEncryptionKey.
    """
    try:
        decoded = [base64.b64decode(key, validate=True) for key in keys.replace(",", " ").split()]
    except ValueError as error:
        raise BadKeyEncryptionKey from error
    return LocalKeyWrapper(decoded)


def key_name(key: bytes) -> str:
    """By what a key-encryption key is known: the beginning of its hash."""
    return hashlib.sha256(b"heroic key-encryption key\0" + key).digest()[:NAME_BYTES].hex()


def _owner(ref: SubjectRef) -> bytes:
    return f"{ref[0]}\0{ref[1]}".encode()
