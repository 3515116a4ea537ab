"""AES-256-GCM under a subject's key, and keyed hashes of outside identifiers."""

import hashlib
import hmac
import os

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.contracts import Sealed
from shared.privacy.errors import Forged

FORMAT = 1
"""The only format of `Sealed` so far: AES-256-GCM of padded JSON, bound as `_binding` says."""

KEY_BYTES = 32
NONCE_BYTES = 12
BLOCK = 64
"""Plaintexts are padded with spaces to a multiple of this, so that the length of a ciphertext
does not tell a total of 40 from one of 5, or a skipped item from an answered one."""


class SubjectCipher:
    """Seals and opens the private parts of one subject."""

    __slots__ = ("_aead", "subject")

    def __init__(self, subject: str, key: bytes) -> None:
        self.subject = subject
        self._aead = AESGCM(key)

    def seal(self, plaintext: bytes, *, tenant: str, stream: str, event_id: str) -> Sealed:
        """`plaintext` (JSON) as it may travel; it opens only for the same three names."""
        padded = plaintext.ljust(-(-len(plaintext) // BLOCK) * BLOCK)
        # 96 random bits a message are safe for 2^32 messages under one key; a life has fewer.
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._aead.encrypt(nonce, padded, _binding(tenant, stream, event_id))
        return Sealed(FORMAT, self.subject, nonce, sealed)

    def open(self, sealed: Sealed, *, tenant: str, stream: str, event_id: str) -> bytes:
        """The padded plaintext; raises Forged."""
        if sealed.v != FORMAT or len(sealed.n) != NONCE_BYTES:
            raise Forged
        try:
            return self._aead.decrypt(sealed.n, sealed.c, _binding(tenant, stream, event_id))
        except InvalidTag as error:
            raise Forged from error


def _binding(tenant: str, stream: str, event_id: str) -> bytes:
    # Neither contracts nor PostgreSQL let NUL into any of them, so no two triples look the same.
    return f"{tenant}\0{stream}\0{event_id}".encode()


class IdentifierHasher:
    """Keyed hashes of one tenant: equal identifiers are found, and nobody can guess them back."""

    __slots__ = ("_keyed",)

    def __init__(self, key: bytes) -> None:
        self._keyed = hmac.new(key, digestmod=hashlib.sha256)

    def hash(self, kind: str, *parts: str) -> str:
        """HMAC-SHA256 of `kind` and `parts` in hexadecimal, the same for the same input only."""
        # A copy has the key taken in already, which is half of the work.
        hashed = self._keyed.copy()
        hashed.update(msgspec.json.encode((kind, *parts)))
        return hashed.hexdigest()
