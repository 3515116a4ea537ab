"""Server-sent events: whose view changed. Ids only; whoever may, reads the view itself."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from services.outcomes.api.clients import Parts, Reader
from services.outcomes.feed import Change, place_of
from shared.eventstore.tail import Cursor
from shared.hub import Hub
from shared.web import encode_cursor
from shared.web.auth import token_ends
from shared.web.sse import EVENT_STREAM, event, event_stream

router = APIRouter(prefix="/v1", tags=["stream"])


@router.get("/stream", response_class=EventSourceResponse, responses=EVENT_STREAM)
async def stream(
    request: Request,
    reader: Reader,
    parts: Parts,
    last_event_id: Annotated[str | None, Header(max_length=500)] = None,
) -> EventSourceResponse:
    """Events `view-changed` with `{"client_id", "link"}`, from now on or after `Last-Event-ID`.

    The stream ends with the token at the latest: come back with another one and the last event's
    id, or with what the header `Last-Event-ID` of the answer says where there was no event.
    """
    after = None if last_event_id is None else place_of(last_event_id)
    # Also where it is not needed: a database that is away is a 503, and no stream that breaks.
    now = await parts.feed.now()
    start = now if after is None else after
    events = _events(parts.hub, reader.tenant, start, token_ends(request))
    return event_stream(events, encode_cursor(start))


async def _events(
    hub: Hub[Change], tenant: str, before: Cursor, until: float
) -> AsyncIterator[ServerSentEvent]:
    async with aclosing(hub.follow(tenant, before, until=until)) as changes:
        async for change in changes:
            last = len(change.client_ids) - 1
            for number, client_id in enumerate(change.client_ids):
                # Who resumes in the middle of a transaction gets all of it again.
                yield _event(client_id, change.place if number == last else before)
            before = change.place


def _event(client_id: str, cursor: Cursor) -> ServerSentEvent:
    data = {"client_id": client_id, "link": f"/outcomes/v1/clients/{client_id}"}
    return event("view-changed", msgspec.json.encode(data), encode_cursor(cursor))
