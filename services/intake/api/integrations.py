"""Machines of the organisation: only its administrators make them, and no machine another one."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from services.intake.api.answering import answer, path_id
from services.intake.api.models.integrations import (
    IntegrationModel,
    IntegrationsView,
    IntegrationView,
    KeySetModel,
    integration_view,
)
from services.intake.assertions import BadKeys, public_keys
from services.intake.directory import Directory
from services.intake.domain.integration import Integration
from services.intake.machines import Machines
from shared.errors import FieldError, Invalid
from shared.security import Principal
from shared.web import Paging, body, page_of, page_response, paging, requires
from shared.web.idempotency import idempotency_key

router = APIRouter(prefix="/v1/integrations", tags=["integrations"])

Administrator = Annotated[Principal, Depends(requires("integrations.write"))]


def _integration_id(integration_id: Annotated[str, Path()]) -> str:
    return path_id(integration_id)


def _secret_id(secret_id: Annotated[str, Path()]) -> str:
    return path_id(secret_id)


IntegrationId = Annotated[str, Depends(_integration_id)]
SecretId = Annotated[str, Depends(_secret_id)]


@router.post("", status_code=201, response_model=IntegrationView)
async def register_integration(
    request: Request,
    principal: Administrator,
    integration: Annotated[IntegrationModel, Depends(body(IntegrationModel))],
) -> Response:
    """A machine that may act within its scopes. Its secret is shown by this answer alone."""
    tenant = principal.tenant
    jwks = _checked(integration.jwks, "/jwks/keys") if integration.jwks else ""

    def shown(made: Integration, secret: str | None) -> bytes:
        secret_id = made.id if secret else None
        view = integration_view(tenant, made, secret=secret, secret_id=secret_id)
        return to_json(view)

    stored = await _machines(request).register(
        tenant,
        integration.name,
        set(integration.scopes),
        jwks,
        shown,
        key=idempotency_key(request, principal),
    )
    return answer(stored)


@router.get("", response_model=IntegrationsView)
async def list_integrations(
    request: Request, principal: Administrator, page: Annotated[Paging, Depends(paging)]
) -> Response:
    """The machines, revoked ones among them, the oldest first."""
    directory: Directory = request.app.state.directory
    after = page.after(str) or ""
    streams = await directory.streams(principal.tenant, "integration", after, page.limit + 1)
    found = await _machines(request).many(principal.tenant, streams)
    machines, following = page_of(found, page.limit, lambda one: one.id)
    views = [integration_view(principal.tenant, one) for one in machines]
    return page_response(
        [view.model_dump(mode="json", exclude_none=True) for view in views], following, request
    )


@router.get("/{integration_id}", response_model=IntegrationView)
async def get_integration(
    request: Request, principal: Administrator, integration_id: IntegrationId
) -> Response:
    """One of them."""
    return _shown(principal, await _machines(request).get(principal.tenant, integration_id))


@router.post("/{integration_id}/rotate", status_code=201, response_model=IntegrationView)
async def add_secret(
    request: Request, principal: Administrator, integration_id: IntegrationId
) -> Response:
    """A second secret, shown by this answer alone; the first one opens until it is removed."""
    changed, secret_id, secret = await _machines(request).add_secret(
        principal.tenant, integration_id
    )
    view = integration_view(principal.tenant, changed, secret=secret, secret_id=secret_id)
    return _answer(view, 201)


@router.delete("/{integration_id}/secrets/{secret_id}", response_model=IntegrationView)
async def remove_secret(
    request: Request, principal: Administrator, integration_id: IntegrationId, secret_id: SecretId
) -> Response:
    """A secret opens nothing any more, and tokens that came by it end within five seconds."""
    return _shown(
        principal,
        await _machines(request).remove_secret(principal.tenant, integration_id, secret_id),
    )


@router.put("/{integration_id}/keys", response_model=IntegrationView)
async def set_keys(
    request: Request,
    principal: Administrator,
    integration_id: IntegrationId,
    jwks: Annotated[KeySetModel, Depends(body(KeySetModel))],
) -> Response:
    """The public keys that sign its assertions from now on; none: it needs a secret."""
    checked = _checked(jwks, "/keys") if jwks.keys else ""
    changed = await _machines(request).set_keys(principal.tenant, integration_id, checked)
    return _shown(principal, changed)


@router.delete("/{integration_id}", response_model=IntegrationView)
async def revoke_integration(
    request: Request, principal: Administrator, integration_id: IntegrationId
) -> Response:
    """It may do nothing any more, for good, everywhere within five seconds."""
    return _shown(principal, await _machines(request).revoke(principal.tenant, integration_id))


def _checked(jwks: KeySetModel, pointer: str) -> str:
    try:
        return public_keys(jwks.model_dump())
    except BadKeys as error:
        raise Invalid(errors=[FieldError(pointer, str(error), "key")]) from error


def _shown(principal: Principal, integration: Integration) -> Response:
    return _answer(integration_view(principal.tenant, integration), 200)


def to_json(view: IntegrationView) -> bytes:
    """A machine as JSON; the field of a secret is there where there is one to show."""
    return view.model_dump_json(exclude_none=True).encode()


def _answer(view: IntegrationView, status: int) -> Response:
    return Response(to_json(view), status, media_type="application/json")


def _machines(request: Request) -> Machines:
    machines: Machines = request.app.state.machines
    return machines
