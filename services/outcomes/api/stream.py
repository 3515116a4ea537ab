"""Server-sent events: whose view changed. Ids only; whoever may, reads the view itself."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

import msgspec
from fastapi import APIRouter, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

from services.outcomes.api.clients import Parts, Reader
from services.outcomes.feed import place_of
from services.outcomes.hub import Hub
from shared.eventstore.tail import Cursor
from shared.web import encode_cursor

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
    after = None if last_event_id is None else place_of(last_event_id)
    # Also where it is not needed: a database that is away is a 503, and no stream that breaks.
    now = await parts.feed.now()
    return EventSourceResponse(
        _events(parts.hub, reader.tenant, now if after is None else after),
        ping=HEARTBEAT_SECONDS,
        send_timeout=SLOW_SECONDS,
    )


async def _events(hub: Hub, tenant: str, before: Cursor) -> AsyncIterator[ServerSentEvent]:
    async with aclosing(hub.follow(tenant, before)) as changes:
        async for change in changes:
            last = len(change.client_ids) - 1
            for number, client_id in enumerate(change.client_ids):
                # Who resumes in the middle of a transaction gets all of it again.
                yield _event(client_id, change.cursor if number == last else before)
            before = change.cursor


def _event(client_id: str, cursor: Cursor) -> ServerSentEvent:
    link = f"/outcomes/v1/clients/{client_id}"
    data = msgspec.json.encode({"client_id": client_id, "link": link}).decode()
    return ServerSentEvent(data, event="view-changed", id=encode_cursor(cursor), sep="\n")
