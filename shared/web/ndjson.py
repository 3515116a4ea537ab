"""Bulk calls: a JSON document a line in, an outcome a line out."""

from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import islice
from typing import Any, Literal, TypeVar

import msgspec
from fastapi import Request
from starlette.responses import StreamingResponse

from shared.errors import FieldError, HeroicError, TooLarge, UnsupportedMediaType
from shared.web.body import media_type, read_body

NDJSON = "application/x-ndjson"
NDJSON_TYPES = (NDJSON, "application/ndjson", "application/jsonl", "application/json-lines")
MAX_BULK_BYTES = 64 * 1024 * 1024
MAX_LINE_BYTES = 256 * 1024
MAX_LINES = 200_000

T = TypeVar("T")
Line = tuple[int, bytes]
LineStatus = Literal["created", "unchanged", "corrected", "conflict", "refused"]


class LineProblem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a line was refused, as in a problem document."""

    code: str
    detail: str
    errors: list[FieldError] = []


class LineResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one line."""

    line: int
    status: LineStatus
    id: str | None = None
    error: LineProblem | None = None


def refused(line: int, error: HeroicError, status: LineStatus = "refused") -> LineResult:
    """The outcome of a line that led to `error`."""
    return LineResult(line, status, error=LineProblem(error.code, error.detail, list(error.errors)))


async def ndjson_lines(request: Request, limit: int = MAX_BULK_BYTES) -> list[Line]:
    """All lines that are not blank, with their numbers from 1.

    The whole body is read first, so that too large a call changes nothing (413), and a caller
    that sends all before it reads anything cannot block against a growing answer.
    """
    if media_type(request) not in NDJSON_TYPES:
        raise UnsupportedMediaType(f"The body must be {NDJSON}.")
    raw = await read_body(request, limit)
    if raw.count(b"\n") > MAX_LINES:
        raise TooLarge(f"A call may have at most {MAX_LINES} lines.")
    return [(number, line) for number, line in enumerate(raw.split(b"\n"), 1) if line.strip()]


def chunks(items: Sequence[T], size: int) -> Iterator[list[T]]:
    """`items` in lists of at most `size`."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


class NdjsonResponse(StreamingResponse):
    """An answer of lines; as `response_class` it tells OpenAPI so."""

    media_type = NDJSON


def ndjson_response(results: AsyncIterator[Sequence[LineResult]]) -> NdjsonResponse:
    """The outcomes as they come."""
    encoder = msgspec.json.Encoder()

    async def lines() -> AsyncIterator[bytes]:
        async for some in results:
            if some:
                yield encoder.encode_lines(some)

    return NdjsonResponse(lines())


class NdjsonBody:
    """Marks and documents a bulk call: `Annotated[list[Line], Depends(ndjson(Model))]`."""

    def __init__(self, *models: type[Any]) -> None:
        self._models = models

    async def __call__(self, request: Request) -> list[Line]:
        """The lines of the body."""
        return await ndjson_lines(request)

    def document(self, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
        """Describe the lines in OpenAPI, in words: it has no schema for NDJSON."""
        names = ", ".join(model.__name__ for model in self._models)
        for model in self._models:
            schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(schema.pop("$defs", {}))
            schemas[model.__name__] = schema
        described = {"type": "string", "description": f"One JSON document a line: {names}."}
        operation["requestBody"] = {"required": True, "content": {NDJSON: {"schema": described}}}


def ndjson(*models: type[Any]) -> NdjsonBody:
    """The lines of an NDJSON body; `models` are what a line may be."""
    return NdjsonBody(*models)
