"""What the busiest call reads: who submits a rating, and what it says."""

from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from services.feedback.api.lines import Said, parse
from services.feedback.api.models import RatingIn
from shared.security import Principal
from shared.web import body, requires


class Sent(NamedTuple):
    """Who submits a rating, and the rating."""

    principal: Principal
    said: Said


class ReadSent:
    """Caller and body by one dependency: on the busiest call each further one is felt."""

    def __init__(self) -> None:
        self._requires = requires("ratings.write")
        self._body = body(RatingIn)

    async def __call__(self, request: Request) -> Sent:
        """Both; raises what either raises, the caller's first."""
        principal = await self._requires(request)
        return Sent(principal, parse(await self._body.read(request)))

    def document(self, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
        """Describe both in OpenAPI."""
        self._requires.document(operation, schemas)
        self._body.document(operation, schemas)


SENT = ReadSent()


class SentRoute(APIRoute):
    """The route of an endpoint of a request and what was `Sent`, all else being optional.

    Without a query FastAPI has nothing to find out that SENT does not read, and it took an
    eighth of the request to do so.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's way where there is a query, else straight to the endpoint."""
        usual = super().get_route_handler()

        async def handle(request: Request) -> Response:
            if request.scope["query_string"]:
                return await usual(request)
            answer: Response = await self.endpoint(request, await SENT(request))
            return answer

        return handle
