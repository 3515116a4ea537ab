"""HTTP as every service speaks it: strict input, problem documents, pages, NDJSON, health.

`Annotated[Principal, Depends(requires(scope))]` is the caller, `Annotated[Model,
Depends(body(Model))]` the body, `Annotated[Paging, Depends(paging)]` the page asked for.
`shared.web.idempotency` is apart, since it needs the event store.
"""

from shared.web.app import create_api, mount
from shared.web.auth import requires
from shared.web.body import body, read_body
from shared.web.headers import etag, if_match
from shared.web.models import (
    ApiModel,
    Day,
    ExternalId,
    Id,
    Name,
    Points,
    UtcTime,
    Words,
    from_tenths,
    not_ahead,
    text,
    to_tenths,
)
from shared.web.ndjson import (
    Line,
    LineProblem,
    LineResult,
    NdjsonResponse,
    chunks,
    ndjson,
    ndjson_lines,
    ndjson_response,
    refused,
)
from shared.web.pages import Paging, decode_cursor, encode_cursor, page_of, page_response, paging
from shared.web.problems import problem
from shared.web.strictjson import strict_loads, strict_validate

__all__ = [
    "ApiModel",
    "Day",
    "ExternalId",
    "Id",
    "Line",
    "LineProblem",
    "LineResult",
    "Name",
    "NdjsonResponse",
    "Paging",
    "Points",
    "UtcTime",
    "Words",
    "body",
    "chunks",
    "create_api",
    "decode_cursor",
    "encode_cursor",
    "etag",
    "from_tenths",
    "if_match",
    "mount",
    "ndjson",
    "ndjson_lines",
    "ndjson_response",
    "not_ahead",
    "page_of",
    "page_response",
    "paging",
    "problem",
    "read_body",
    "refused",
    "requires",
    "strict_loads",
    "strict_validate",
    "text",
    "to_tenths",
]
