"""Server-sent events: whose view changed. Ids only; whoever may, reads the view itself."""

from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from fastapi import APIRouter, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

from services.outcomes.api.clients import Parts, Reader
from services.outcomes.feed import Change, Cursor
from shared.web import decode_cursor, encode_cursor

router = APIRouter(prefix="/v1", tags=["stream"])

HEARTBEAT_SECONDS = 15
SLOW_SECONDS = 30


@router.get(
    "/stream",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def stream(
    reader: Reader,
    parts: Parts,
    last_event_id: Annotated[str | None, Header(max_length=500)] = None,
) -> EventSourceResponse:
    """Events `view-changed` with `{"client_id", "link"}`, from now on or after `Last-Event-ID`."""
    if last_event_id is None:
        after = await parts.feed.now(reader.tenant)
    else:
        after = Cursor(*decode_cursor(last_event_id, tuple[int, int]))
    return EventSourceResponse(
        _events(parts.feed.follow(reader.tenant, after), after),
        ping=HEARTBEAT_SECONDS,
        send_timeout=SLOW_SECONDS,
    )


async def _events(changes: AsyncIterator[Change], before: Cursor) -> AsyncIterator[ServerSentEvent]:
    async for change in changes:
        last = len(change.client_ids) - 1
        for number, client_id in enumerate(change.client_ids):
            # Who resumes in the middle of a transaction gets all of it again.
            cursor = change.cursor if number == last else before
            link = f"/outcomes/v1/clients/{client_id}"
            data = msgspec.json.encode({"client_id": client_id, "link": link}).decode()
            yield ServerSentEvent(data, event="view-changed", id=encode_cursor(cursor), sep="\n")
        before = change.cursor
