"""Who looked: for administrators all that was written down, for clients what is about them.

The same two calls in every service, each about what that service showed. Asking is itself written
down: it tells who is in care with whom.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from shared.access.audit import MANY, Looked
from shared.access.audited import Audit, Wanted
from shared.security.principal import Principal, PrincipalKind
from shared.web.auth import requires
from shared.web.models import ApiModel, Id, UtcTime
from shared.web.pages import Paging, page_of, page_response, paging
from shared.web.reach import looked, reach_and_look, why_of

router = APIRouter(prefix="/v1", tags=["audit"])

Page = Annotated[Paging, Depends(paging)]


class Who(ApiModel):
    """Somebody who looked."""

    kind: PrincipalKind
    id: str


class LookedAtMe(ApiModel):
    """One use of a permission on a client's data: `why` is the right by which it was allowed."""

    at: UtcTime
    principal: Who
    why: str
    action: str
    permission: str


class AuditEntry(LookedAtMe):
    """The same with whose data it was; without `client_id`, nobody's in particular."""

    id: str
    client_id: str | None
    trace_id: str | None


class AuditPage(ApiModel):
    """A page, and the cursor of the next one."""

    items: list[AuditEntry]
    next: str | None


class LookedAtMePage(ApiModel):
    """A page, and the cursor of the next one."""

    items: list[LookedAtMe]
    next: str | None


def wanted(
    client_id: Annotated[Id | None, Query()] = None,
    principal_id: Annotated[Id | None, Query()] = None,
    permission: Annotated[str | None, Query(max_length=100, pattern=r"^[a-z_.]+$")] = None,
    since: Annotated[UtcTime | None, Query()] = None,
    until: Annotated[UtcTime | None, Query()] = None,
) -> Wanted:
    """The dependency that gives the filters."""
    return Wanted(client_id, principal_id, permission, since, until)


@router.get("/audit", response_model=AuditPage)
async def get_audit(
    request: Request,
    reader: Annotated[Principal, Depends(requires("audit.read"))],
    page: Page,
    which: Annotated[Wanted, Depends(wanted)],
) -> Response:
    """Uses of personal and clinical data in this service, the newest first."""
    await looked(request, reader, [which.client_id or MANY], why_of(reader))
    found = await _audit(request).search(
        reader.tenant, which, before=page.after(str), limit=page.limit + 1
    )
    return _answer(found, page, request, "administrator")


@router.get("/clients/{client_id}/audit", response_model=LookedAtMePage)
async def get_own_audit(
    request: Request,
    client_id: Id,
    reader: Annotated[Principal, Depends(requires("audit.own"))],
    page: Page,
) -> Response:
    """Who looked at one's own data in this service, or at a child's, the newest first."""
    await reach_and_look(request, reader, client_id)
    found = await _audit(request).of_client(
        reader.tenant, client_id, before=page.after(str), limit=page.limit + 1
    )
    return _answer(found, page, request, "client")


def _answer(
    found: list[Looked], page: Paging, request: Request, who: Literal["administrator", "client"]
) -> Response:
    rows, following = page_of(found, page.limit, lambda row: row.audit_id)
    show = _entry if who == "administrator" else _looked_at_me
    return page_response([show(row).model_dump(mode="json") for row in rows], following, request)


def _audit(request: Request) -> Audit:
    found: Audit = request.app.state.audited
    return found


def _looked_at_me(row: Looked) -> LookedAtMe:
    return LookedAtMe.model_validate(_common(row))


def _entry(row: Looked) -> AuditEntry:
    client_id = None if row.client_id == MANY else row.client_id
    more = {"id": row.audit_id, "client_id": client_id, "trace_id": row.trace_id}
    return AuditEntry.model_validate(_common(row) | more)


def _common(row: Looked) -> dict[str, object]:
    return {
        "at": row.at,
        "principal": {"kind": row.principal_kind, "id": row.principal_id},
        "why": row.why,
        "action": row.action,
        "permission": row.permission,
    }
