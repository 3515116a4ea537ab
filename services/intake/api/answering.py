"""From an intent to an answer, the same for every call that changes something."""

from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
from fastapi import Depends, Path, Query, Request
from starlette.responses import Response

from services.intake.api.showing import view_of
from services.intake.api.views import View
from services.intake.desk import Asker, Desk, Options
from services.intake.domain.merging import OnePerson
from services.intake.fulfilling import Outcome
from services.intake.handlers import Handlers
from services.intake.intents import Intent, Look
from services.intake.reach import Reach, spoken_of
from shared.access import AuditLog, Reached
from shared.errors import NotFound
from shared.eventstore import StoredResponse
from shared.eventstore.position import decode_position
from shared.ids import is_id
from shared.security import Principal
from shared.security.looked import Looked
from shared.web import etag
from shared.web.auth import permission_of
from shared.web.idempotency import idempotency_key
from shared.web.reach import action_of, looked

OnConflict = Annotated[
    Literal["correct"] | None,
    Query(description="Correct what is known under the same external_id instead of 409."),
]
Mode = Annotated[Literal["history"] | None, Query(description="Marks what comes in as history.")]
MinPosition = Annotated[
    str | None, Query(max_length=400, description="Intake always reads its own latest writes.")
]


def path_id(thing_id: str) -> str:
    """An id of a path: what cannot be one is not found."""
    if not is_id(thing_id):
        raise NotFound
    return thing_id


def _client_id(client_id: Annotated[str, Path()]) -> str:
    return path_id(client_id)


def _episode_id(episode_id: Annotated[str, Path()]) -> str:
    return path_id(episode_id)


def _session_id(session_id: Annotated[str, Path()]) -> str:
    return path_id(session_id)


ClientId = Annotated[str, Depends(_client_id)]
EpisodeId = Annotated[str, Depends(_episode_id)]
SessionId = Annotated[str, Depends(_session_id)]


def check_position(min_position: str | None) -> None:
    """`Invalid` for a position that is none of ours; there is nothing to wait for here."""
    if min_position is not None:
        decode_position(min_position)


def handlers_of(request: Request) -> Handlers:
    """The handlers of this process."""
    handlers: Handlers = request.app.state.handlers
    return handlers


class Asking:
    """One request about clients: who asks, and, once that is known, why they reach them."""

    def __init__(self, request: Request, principal: Principal) -> None:
        self.request = request
        self.principal = principal
        self.reached = Reached("integration")
        self._client_ids: set[str] = set()

    async def guard(self, desk: Desk, intent: Intent) -> None:
        """Let pass who reaches everybody of whom `intent` speaks, and remember why."""
        reach: Reach = self.request.app.state.reach
        permission = permission_of(self.request)
        self.reached = await reach.check(desk, intent, self.principal, permission)
        self._client_ids = {about.client_id for about in spoken_of(intent, desk)}
        desk.asker = Asker(id=self.principal.id, why=self.reached.why)

    async def look(self, look: Look) -> Desk:
        """A desk with what they may see. What they do see is for `looked` to say."""
        desk = await handlers_of(self.request).look(self.principal.tenant, look)
        await self.guard(desk, look)
        return desk

    async def looked(self, outcome: Outcome | None = None) -> None:
        """Write down whom they saw; before anything is answered."""
        client_ids = self._whom(outcome)
        await looked(self.request, self.principal, client_ids, self.reached.why)

    def tell(self, outcome: Outcome) -> list[Looked]:
        """The same of what they change, for the write to take along: it costs no commit."""
        audit: AuditLog = self.request.app.state.audit
        permission, action = permission_of(self.request), action_of(self.request)
        whom = self._whom(outcome)
        return audit.rows(self.principal, permission, action, whom, why=self.reached.why)

    def _whom(self, outcome: Outcome | None) -> list[str]:
        client_ids = set(self._client_ids)
        if outcome is not None:
            client_ids.add(outcome.client_id)
            if isinstance(outcome.state, OnePerson):
                client_ids |= {record.id for record in outcome.state.records}
        return sorted(client_ids)


async def fulfil_one(
    request: Request,
    principal: Principal,
    intent: Intent,
    *,
    options: Options | None = None,
    show: Callable[[Outcome, Reached], View] = view_of,
) -> Response:
    """Do what is asked and show the thing: 201 if it is new, else 200."""
    asking = Asking(request, principal)
    is_machine = principal.kind == "integration"
    stored, outcome = await handlers_of(request).one(
        principal.tenant,
        intent,
        lambda outcome: to_json(show(outcome, asking.reached)),
        options=msgspec.structs.replace(options or Options(), trusting=is_machine),
        key=idempotency_key(request, principal),
        status=lambda outcome: 201 if outcome.status == "created" else 200,
        # A machine reaches everybody: what is not there, the intent finds out by itself.
        guard=None if is_machine else asking.guard,
        tell=asking.tell,
    )
    if outcome is None or outcome.status == "unchanged":
        await asking.looked(outcome)
    headers = {"ETag": etag(outcome.version)} if outcome is not None else {}
    return answer(stored, headers)


def answer(stored: StoredResponse, headers: dict[str, str] | None = None) -> Response:
    """An answer as it was prepared."""
    return Response(stored.body, stored.status, headers, "application/json")


def to_json(view: View) -> bytes:
    """A view as JSON, without the fields that say nothing."""
    return view.model_dump_json(exclude_none=True, by_alias=True).encode()


def show(view: View) -> Response:
    """A view as the answer to a read."""
    return Response(to_json(view), 200, {"ETag": etag(view.version)}, "application/json")
