"""Secrets of integrations, kept as scrypt hashes: `scrypt$n$r$p$salt$hash`, both in base64."""

import asyncio
import base64
import hashlib
import hmac
import secrets

N, R, P = 2**14, 8, 1
SALT_BYTES, HASH_BYTES = 16, 32


async def make(secret: str) -> str:
    """The hash of a new secret."""
    salt = secrets.token_bytes(SALT_BYTES)
    digest = await asyncio.to_thread(_scrypt, secret, salt, N, R, P)
    return f"scrypt${N}${R}${P}${_text(salt)}${_text(digest)}"


async def matches(secret: str, stored: str) -> bool:
    """Whether `stored` is the hash of `secret`; takes as long either way."""
    _, n, r, p, salt, expected = stored.split("$")
    digest = await asyncio.to_thread(
        _scrypt, secret, base64.b64decode(salt), int(n), int(r), int(p)
    )
    return hmac.compare_digest(digest, base64.b64decode(expected))


def _scrypt(secret: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    # hashlib lets go of the interpreter while it works, so a thread is enough.
    return hashlib.scrypt(secret.encode(), salt=salt, n=n, r=r, p=p, dklen=HASH_BYTES)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
