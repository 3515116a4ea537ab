"""Secrets of integrations, kept as scrypt hashes: `scrypt$n$r$p$salt$hash`, both in base64."""

import asyncio
import base64
import hashlib
import hmac
import secrets
from concurrent.futures import ThreadPoolExecutor
from functools import partial

N, R, P = 2**14, 8, 1
SALT_BYTES, HASH_BYTES = 16, 32

# A hash takes some 50 ms of a core: a flood of attempts waits here, and the rest goes on.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="scrypt")


async def make(secret: str) -> str:
    """The hash of a new secret."""
    salt = secrets.token_bytes(SALT_BYTES)
    digest = await _scrypt(secret, salt, N, R, P)
    return f"scrypt${N}${R}${P}${_text(salt)}${_text(digest)}"


async def matches(secret: str, stored: str) -> bool:
    """Whether `stored` is the hash of `secret`; takes as long either way."""
    _, n, r, p, salt, expected = stored.split("$")
    digest = await _scrypt(secret, base64.b64decode(salt), int(n), int(r), int(p))
    return hmac.compare_digest(digest, base64.b64decode(expected))


async def _scrypt(secret: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    # hashlib lets go of the interpreter while it works, so threads are enough.
    work = partial(hashlib.scrypt, secret.encode(), salt=salt, n=n, r=r, p=p, dklen=HASH_BYTES)
    return await asyncio.get_running_loop().run_in_executor(_threads, work)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
