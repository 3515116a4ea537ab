"""Signing in at the organisation's own identity provider, and coming back from it."""

from urllib.parse import quote, unquote

from fastapi import Request
from starlette.responses import Response

from services.intake.domain.organisation import IdentityProvider, Organisation
from services.intake.pages.shell import (
    ME,
    OrganisationId,
    asked_next,
    let_in,
    signing_in,
)
from services.intake.people.signing_in import SigningIn
from shared.errors import NotFound
from shared.web.auth import cookie
from shared.web.html import PUBLIC, drop_cookie, local_path, page_router, put_cookie, redirect

router = page_router()

PROVIDER_COOKIE = "heroic-provider"
PROVIDER_SECONDS = 600


@router.get("/o/{organisation_id}/provider", openapi_extra=PUBLIC)
async def begin(request: Request, organisation_id: OrganisationId) -> Response:
    """To the provider."""
    parts = signing_in(request)
    provider = _provider(await parts.persons.organisation(organisation_id))
    begun = await parts.providers.begin(provider, _callback(parts, organisation_id))
    answer = redirect(begun.url)
    value = f"{begun.secret}.{quote(asked_next(request), safe='')}"
    put_cookie(answer, request, PROVIDER_COOKIE, value, seconds=PROVIDER_SECONDS)
    return answer


@router.get("/o/{organisation_id}/provider/callback", openapi_extra=PUBLIC)
async def come_back(request: Request, organisation_id: OrganisationId) -> Response:
    """From the provider: who signed in there is signed in here, with the roles of their groups."""
    parts = signing_in(request)
    organisation = await parts.persons.organisation(organisation_id)
    provider = _provider(organisation)
    secret, _, target = cookie(request, PROVIDER_COOKIE).partition(".")
    claims = await parts.providers.complete(
        provider, _callback(parts, organisation_id), secret, dict(request.query_params)
    )
    person_id = await parts.joining.from_provider(organisation_id, provider, claims)
    # The second factor, where one is wanted, is the provider's to ask for.
    answer = await let_in(request, organisation_id, person_id, local_path(unquote(target), ME))
    drop_cookie(answer, request, PROVIDER_COOKIE)
    return answer


def _provider(organisation: Organisation) -> IdentityProvider:
    if organisation.provider is None:
        raise NotFound("The organisation has no identity provider.")
    return organisation.provider


def _callback(parts: SigningIn, tenant: str) -> str:
    return f"{parts.public_url}/intake/o/{tenant}/provider/callback"
