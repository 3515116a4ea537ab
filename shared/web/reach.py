"""From a caller and a client to an answer: within reach, and written down."""

from collections.abc import Collection

from fastapi import Request

from shared.access import Access, AuditLog, Reached
from shared.security.principal import Principal
from shared.web.auth import SAFE, permission_of
from shared.web.middleware import route_template


async def reach(request: Request, principal: Principal, client_id: str) -> Reached:
    """Why the caller reaches the client within what the endpoint `requires`.

    Raises NotFound, Gone, Restricted and ConsentWithheld. Whoever answers then says so by
    `looked` (or `reach_and_look` at once, where nothing is found out in between).
    """
    access: Access = request.app.state.access
    reading = request.method in SAFE
    return await access.look(principal, permission_of(request), client_id, reading=reading)


async def looked(
    request: Request, principal: Principal, client_ids: Collection[str], why: str
) -> None:
    """Write down that the caller used the endpoint on these clients."""
    permission = permission_of(request)
    if not permission.audited:
        return
    audit: AuditLog = request.app.state.audit
    await audit.record(principal, permission, action_of(request), client_ids, why=why)


async def reach_and_look(request: Request, principal: Principal, client_id: str) -> Reached:
    """Both."""
    reached = await reach(request, principal, client_id)
    await looked(request, principal, [client_id], reached.why)
    return reached


def why_of(principal: Principal) -> str:
    """By which right somebody looks who was not asked about one client: a list, a bulk call."""
    return principal.kind if principal.kind != "person" else " ".join(sorted(principal.roles))


def action_of(request: Request) -> str:
    """What was done: method and route, without what the caller put into it."""
    root = request.scope.get("root_path", "")
    return f"{request.method} {root}{route_template(request.scope)}"
