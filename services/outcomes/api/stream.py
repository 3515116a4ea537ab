"""Server-sent events: whose view changed, to who reaches them. Ids only; whoever may, reads the
view itself."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from services.outcomes.api.clients import Parts, Reader
from services.outcomes.feed import place_of
from shared.errors import Unauthenticated
from shared.eventstore.tail import Cursor
from shared.security import Principal
from shared.web import encode_cursor
from shared.web.auth import caller, permission_of, token_ends
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
    id, or with what the header `Last-Event-ID` of the answer says where there was no event. Only
    clients within the caller's reach at that moment are told of.
    """
    after = None if last_event_id is None else place_of(last_event_id)
    # Also where it is not needed: a database that is away is a 503, and no stream that breaks.
    now = await parts.feed.now()
    start = now if after is None else after
    events = _events(request, reader, parts, start)
    return event_stream(events, encode_cursor(start))


async def _events(
    request: Request, reader: Principal, parts: Parts, before: Cursor
) -> AsyncIterator[ServerSentEvent]:
    permission, until = permission_of(request), token_ends(request)
    async with aclosing(parts.hub.follow(reader.tenant, before, until=until)) as changes:
        async for change in changes:
            if not await is_still_in(request):
                return
            seen = await parts.sight.of(reader, permission, change.client_ids)
            # Aliases of one client are one.
            shown = list(dict.fromkeys(seen.values()))
            for number, client_id in enumerate(shown, 1):
                # Who resumes in the middle of a transaction gets all of it again.
                yield _event(client_id, change.place if number == len(shown) else before)
            before = change.place


async def is_still_in(request: Request) -> bool:
    """Whether the caller's token is worth something still: a sign-out ends what is open, too."""
    try:
        await caller(request)
    except Unauthenticated:
        return False
    return True


def _event(client_id: str, cursor: Cursor) -> ServerSentEvent:
    data = {"client_id": client_id, "link": f"/outcomes/v1/clients/{client_id}"}
    return event("view-changed", msgspec.json.encode(data), encode_cursor(cursor))
