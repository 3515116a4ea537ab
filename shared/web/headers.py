"""Headers: those that every answer carries, those of pages, and entity tags."""

import re
import secrets

from starlette.datastructures import MutableHeaders
from starlette.requests import Request

from shared.errors import BadRequest

POWERS = ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")
"""What browsers can do and no page of ours ever asks for."""

SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", ", ".join(f"{power}=()" for power in POWERS).encode()),
)
"""Set where an answer does not set them itself (pages have a policy of their own)."""

STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")
"""Set beside them wherever callers come by TLS."""

PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'nonce-{nonce}'",
        "style-src 'self' 'nonce-{nonce}'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)

_ETAG = re.compile(r'"(\d{1,9})"', re.ASCII)


def security_headers(*, tls: bool) -> tuple[tuple[bytes, bytes], ...]:
    """Those that every answer carries, where callers come by TLS and where they do not."""
    return (*SECURITY_HEADERS, STRICT_TRANSPORT) if tls else SECURITY_HEADERS


def secure(headers: MutableHeaders, *, tls: bool) -> None:
    """Add them to an answer that is made outside the layer which adds them to all others."""
    for name, value in security_headers(tls=tls):
        headers.setdefault(name.decode(), value.decode())


def new_nonce() -> str:
    """What marks the scripts of one answer as ours; never the same twice."""
    return secrets.token_urlsafe(18)


def page_headers(nonce: str) -> dict[str, str]:
    """The headers of a page whose scripts and styles carry `nonce`, a `new_nonce()`.

    Nothing is loaded from elsewhere, nothing runs that was not written into the page by us, and
    forms go to us alone. The page is never kept: not by caches, not for the button "back".
    """
    return {
        "Content-Security-Policy": PAGE_POLICY.format(nonce=nonce),
        # With `no-referrer` browsers would not say either where a form of ours was sent from.
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


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
