"""The errors of Heroic: a small tree, each with a stable code and an HTTP status of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong in the input: where (a JSON pointer), what, and a stable code."""

    pointer: str
    detail: str
    code: str = "invalid"


class HeroicError(Exception):
    """Base of every error that a caller may see; `detail` never carries a client's words."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str = "", *, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = tuple(errors)


class BadRequest(HeroicError):
    """The request could not be read at all (broken JSON, bad header)."""

    status, code, title = 400, "bad_request", "Bad request"


class Unauthenticated(HeroicError):
    """No token, or one that does not verify."""

    status, code, title = 401, "unauthenticated", "Sign-in needed"


class Forbidden(HeroicError):
    """Known caller, not allowed to do this."""

    status, code, title = 403, "forbidden", "Not allowed"


class NotFound(HeroicError):
    """There is no such thing for this caller (another tenant's object is this too)."""

    status, code, title = 404, "not_found", "Not found"


class TooSlow(HeroicError):
    """The body did not come in the time that it may take."""

    status, code, title = 408, "too_slow", "Too slow"


class Conflict(HeroicError):
    """The state of the thing does not allow the command, or other content has its place."""

    status, code, title = 409, "conflict", "Conflict"


class Gone(HeroicError):
    """It was there and has been erased."""

    status, code, title = 410, "gone", "Gone"


class PreconditionFailed(HeroicError):
    """`If-Match` names another version than the present one."""

    status, code, title = 412, "precondition_failed", "Changed in the meantime"


class TooLarge(HeroicError):
    """The body, or an event made from it, is over its limit."""

    status, code, title = 413, "too_large", "Too large"


class UnsupportedMediaType(HeroicError):
    """The body is not of a type that this call reads."""

    status, code, title = 415, "unsupported_media_type", "Unsupported media type"


class Invalid(HeroicError):
    """The request was read and something in it is wrong; `errors` says what and where."""

    status, code, title = 422, "invalid", "Invalid input"


class TooManyRequests(HeroicError):
    """Over a rate limit."""

    status, code, title = 429, "too_many_requests", "Too many requests"

    def __init__(self, detail: str = "", *, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Unavailable(HeroicError):
    """Something that this call needs is away for now; nothing was written."""

    status, code, title = 503, "unavailable", "Unavailable for now"

    def __init__(self, detail: str = "", *, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class NotYetHere(Unavailable):
    """The thing may exist at its owner, but word of it has not arrived here yet."""

    code, title = "not_yet_here", "Not yet here"


class Permanent(HeroicError):
    """An event that no retry will ever make acceptable: it is parked, with this reason."""

    code, title = "permanent", "Cannot be processed"
