"""Passwords and PINs, kept as Argon2id hashes, and what makes one too easy to guess."""

import asyncio
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

from shared.errors import FieldError, Invalid

T = TypeVar("T")

MIN_CHARS, MAX_CHARS = 12, 256
READ_CHARS = 72
"""So much of a password is judged; the rest only adds to it."""
STRENGTH = 3
"""Of 0 to 4: "safely unguessable" as zxcvbn has it, more than 10^8 guesses."""

# The profile of RFC 9106 for little memory, said here so that `NOBODY` costs the same for ever.
_hasher = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4)

NOBODY = (
    "$argon2id$v=19$m=65536,t=3,p=4$bm9ib2R5IG5vYm9keSEhIQ"
    "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
"""No password has this hash: checked where there is no account, so that it takes as long."""

# A hash takes 64 MiB and some 50 ms: a flood of attempts waits here, and the rest goes on.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")


class WeakPassword(Invalid):
    """Too short, too long, or among the first that somebody would try."""

    code, title = "weak_password", "Password too weak"


def check(password: str, *known: str) -> None:
    """`WeakPassword` for what is easy to guess, `known` (names, addresses) being guessed first."""
    if len(password) < MIN_CHARS:
        raise _weak(f"A password needs at least {MIN_CHARS} characters.")
    if len(password) > MAX_CHARS:
        raise _weak(f"A password may have at most {MAX_CHARS} characters.")
    words = ["heroic", *(word for one in known for word in (one, *one.replace("@", " ").split()))]
    if zxcvbn(password[:READ_CHARS], user_inputs=words)["score"] < STRENGTH:
        raise _weak("This password is easy to guess. A few unrelated words make a good one.")


async def make(password: str) -> str:
    """The hash of a new password."""
    return await _in_thread(partial(_hasher.hash, _normal(password)))


async def matches(password: str, stored: str | None) -> bool:
    """Whether `stored` is the hash of `password`; takes as long either way, and without one."""
    return await _in_thread(partial(_verify, stored or NOBODY, _normal(password)))


def _verify(stored: str, password: bytes) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def _normal(password: str) -> bytes:
    # The same letters come composed from one keyboard and decomposed from another.
    return unicodedata.normalize("NFKC", password).encode()


def _weak(words: str) -> WeakPassword:
    return WeakPassword(words, errors=[FieldError("/password", words, WeakPassword.code)])


async def _in_thread(work: partial[T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(_threads, work)
