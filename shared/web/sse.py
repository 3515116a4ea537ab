"""Server-sent events, the same on every stream."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, TypeVar

from fastapi import Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from shared.errors import Unauthenticated, Unavailable
from shared.web.auth import caller

M = TypeVar("M")

HEARTBEAT_SECONDS = 15
SLOW_SECONDS = 30
"""Who takes nothing for so long is let go."""
LET_IN_SECONDS = 1.0
"""How often it is asked whether the listener's token is still worth something."""

EVENT_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
}
"""The answer in OpenAPI."""


def event_stream(events: AsyncIterator[ServerSentEvent], start: str) -> EventSourceResponse:
    """The answer that tells `events` as they come.

    `start` is the cursor that they begin after. The header Last-Event-ID says it, so that also who
    has not been told of anything yet can come back without loss.
    """
    return EventSourceResponse(
        events,
        headers={"Last-Event-ID": start},
        ping=HEARTBEAT_SECONDS,
        send_timeout=SLOW_SECONDS,
        sep="\n",
    )


def event(name: str, data: bytes, cursor: str) -> ServerSentEvent:
    """One event: `data` is one line of JSON, `cursor` resumes after it."""
    return ServerSentEvent(data.decode(), event=name, id=cursor, sep="\n")


async def while_let_in(request: Request, messages: AsyncGenerator[M]) -> AsyncGenerator[M]:
    """The messages, for as long as whoever sent the request is let in.

    It ends within a second or two of the service's learning of a sign-out, a revocation or a role
    that is gone, whether there are messages or not; and where that cannot be known any more.
    """
    waiting: asyncio.Task[M] | None = None
    async with aclosing(messages):
        try:
            while True:
                waiting = waiting or asyncio.ensure_future(_next(messages))
                await asyncio.wait([waiting], timeout=LET_IN_SECONDS)
                await caller(request)
                if waiting.done():
                    done, waiting = waiting, None
                    yield done.result()
        except (Unauthenticated, Unavailable, StopMessages):
            return
        finally:
            if waiting is not None:
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)


class StopMessages(Exception):
    """There are no more; a task cannot end with StopAsyncIteration."""


async def _next(messages: AsyncGenerator[M]) -> M:
    try:
        return await anext(messages)
    except StopAsyncIteration:
        raise StopMessages from None
