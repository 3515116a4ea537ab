"""Headers: those that every answer carries, and entity tags."""

import re

from starlette.requests import Request

from shared.errors import BadRequest

SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
"""Set where an answer does not set them itself (pages have a policy of their own)."""

_ETAG = re.compile(r'"(\d{1,9})"', re.ASCII)


def etag(version: int) -> str:
    """The entity tag of a stream version."""
    return f'"{version}"'


def if_match(request: Request) -> int | None:
    """The stream version that `If-Match` asks for; None where anything will do."""
    header = request.headers.get("if-match")
    if header is None or header == "*":
        return None
    match = _ETAG.fullmatch(header)
    if match is None:
        raise BadRequest("If-Match is not an ETag of ours.")
    return int(match[1])
