"""Request bodies: read within a limit, parsed strictly, checked against a model, documented."""

import asyncio
from typing import Any, Generic, TypeVar

from fastapi import Request
from pydantic import TypeAdapter
from starlette.requests import ClientDisconnect

from shared.errors import TooLarge, TooSlow, UnsupportedMediaType
from shared.web.strictjson import strict_validate

MAX_BODY_BYTES = 1024 * 1024
BODY_SECONDS = 20.0
"""So long a body may take, and a second more for each so many bytes of it that have come."""
BYTES_A_SECOND = 16 * 1024
BODY_KEY = "heroic.body"

T = TypeVar("T")


async def read_body(
    request: Request, limit: int = MAX_BODY_BYTES, *, seconds: float = BODY_SECONDS
) -> bytes:
    """The whole body; `TooLarge` as soon as it is known to be over `limit` bytes.

    Raises TooSlow where it comes slower than at BYTES_A_SECOND after the first `seconds`. It comes
    but once: whoever asks again, gets what was read.
    """
    if (read := request.scope.get(BODY_KEY)) is not None:
        return bytes(read)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        # What is small on the way may be huge once it is inflated.
        raise UnsupportedMediaType("The body must not be compressed.")
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and int(stated) > limit:
        raise TooLarge(f"The body may have at most {limit} bytes.")
    chunks: list[bytes] = []
    size = 0
    latest = asyncio.get_running_loop().time() + seconds
    try:
        async with asyncio.timeout_at(latest) as deadline:
            # Most bodies come in one piece: what a generator and a deadline moved cost is felt.
            more = True
            while more:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                chunk: bytes = message.get("body", b"")
                size += len(chunk)
                if size > limit:
                    raise TooLarge(f"The body may have at most {limit} bytes.")
                chunks.append(chunk)
                if more := message.get("more_body", False):
                    deadline.reschedule(latest + size / BYTES_A_SECOND)
    except TimeoutError as error:
        raise TooSlow("The body did not come in time.") from error
    raw = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    request.scope[BODY_KEY] = raw
    return raw


def media_type(request: Request) -> str:
    """The media type of the body in lower case, without parameters; another charset is refused."""
    kind, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    charset = parameters.partition("charset=")[2].strip(' "')
    if charset not in ("", "utf-8", "utf8"):
        raise UnsupportedMediaType("The body must be in UTF-8.")
    return kind.strip()


class JsonBody(Generic[T]):
    """A dependency that gives the body as an instance of a model."""

    def __init__(self, model: type[T]) -> None:
        self.model = model
        self._adapter: TypeAdapter[T] = TypeAdapter(model)

    async def __call__(self, request: Request) -> T:
        """The body of `request`: 415, 413, 400 or 422 where it is not as it must be."""
        return strict_validate(self._adapter, await self.read(request))

    async def read(self, request: Request) -> bytes:
        """The body as it came, for who parses it otherwise: 415 or 413 where it must not be."""
        kind = media_type(request)
        if kind != "application/json" and not (
            kind.startswith("application/") and kind.endswith("+json")
        ):
            raise UnsupportedMediaType("The body must be application/json.")
        return await read_body(request)

    def document(self, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
        """Describe the body in OpenAPI."""
        schema = self._adapter.json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        name = getattr(self.model, "__name__", "")
        if schema.get("title") == name:
            schemas[name] = schema
            schema = {"$ref": f"#/components/schemas/{name}"}
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }


def body(model: type[T]) -> JsonBody[T]:
    """`Annotated[Model, Depends(body(Model))]`: the JSON body of a request."""
    return JsonBody(model)
