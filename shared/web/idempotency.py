"""The `Idempotency-Key` header: the same key and request twice does the thing once."""

import hashlib
import re

from fastapi import Request
from starlette.responses import Response

from shared.errors import BadRequest
from shared.eventstore import IdempotencyKey, StoredResponse
from shared.security.principal import Principal
from shared.web.body import BODY_KEY

_KEY = re.compile(r"[!-~]{1,200}", re.ASCII)


def answered(stored: StoredResponse) -> Response:
    """The answer that a command made, now or to the same request of before."""
    return Response(stored.body, stored.status, media_type="application/json")


def idempotency_key(
    request: Request, principal: Principal, body: bytes | None = None
) -> IdempotencyKey | None:
    """The key of this request with the hash of what it asks; None where none was given.

    `body` is the one that the `body()` dependency read, unless given.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise BadRequest("Idempotency-Key must be 1 to 200 visible ASCII characters.")
    asked = body if body is not None else request.scope.get(BODY_KEY, b"")
    target = f"{request.method} {request.scope['path']}?{request.url.query}\n"
    digest = hashlib.sha256(target.encode() + asked).digest()
    return IdempotencyKey(principal=principal.id, key=key, request_hash=digest)
