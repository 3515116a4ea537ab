"""Who asks for a token: an integration, by a secret or by an assertion that it signed."""

import base64
import binascii
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote_plus

from fastapi import Request

from services.intake import secret_hashes
from services.intake.api.oauth_errors import InvalidClient, InvalidRequest
from services.intake.assertions import (
    ASSERTION_TYPE,
    BadAssertion,
    UsedAssertions,
    claimed_client,
    verify,
)
from services.intake.domain.integration import Integration
from services.intake.machines import Machines
from services.intake.rate_limit import RateLimiter
from shared.errors import Unauthenticated, UnsupportedMediaType
from shared.web import read_body
from shared.web.body import media_type

FORM = "application/x-www-form-urlencoded"
MAX_FORM_BYTES = 16 * 1024
MAX_FIELDS = 20

ATTEMPTS_OF_CLIENT = 600
FAILURES_OF_CLIENT = 20
FAILURES_OF_ADDRESS = 100
"""Limits a minute."""

UNKNOWN = "scrypt$16384$8$1$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
"""No secret has this hash: checked where there is no client, so that it takes as long."""


class Authenticated(NamedTuple):
    """An integration that proved who it is; `secret_id` is that of the secret that it showed."""

    tenant: str
    integration: Integration
    secret_id: str | None


async def read_form(request: Request) -> dict[str, str]:
    """The fields of the form; InvalidRequest where it cannot be read."""
    if media_type(request) != FORM:
        raise UnsupportedMediaType(f"The body must be {FORM}.")
    raw = await read_body(request, MAX_FORM_BYTES)
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError as error:
        raise InvalidRequest("The form cannot be read.") from error
    form = dict(pairs)
    if len(form) != len(pairs):
        raise InvalidRequest("A field is there twice.")
    return form


async def authenticate(request: Request, form: dict[str, str]) -> Authenticated:
    """The integration that sends the form; InvalidClient, alike for everything that is wrong.

    Raises TooManyRequests, and InvalidRequest where it proves who it is in two ways.
    """
    limiter: RateLimiter = request.app.state.limiter
    address = request.client.host if request.client else ""
    await limiter.check(f"failures of address {address}", FAILURES_OF_ADDRESS)
    if "client_assertion" in form or "client_assertion_type" in form:
        found = await _by_assertion(request, form)
    else:
        found = await _by_secret(request, form, address)
    if isinstance(found, Authenticated):
        return found
    await limiter.count(f"failures of client {found} at {address}", FAILURES_OF_CLIENT)
    await limiter.count(f"failures of client {found}", FAILURES_OF_CLIENT)
    await limiter.count(f"failures of address {address}", FAILURES_OF_ADDRESS)
    raise InvalidClient("The client is not known, or it is not this one.")


async def _by_secret(request: Request, form: dict[str, str], address: str) -> Authenticated | str:
    """Who it is by a secret; if nobody, the client id that was given.

    Whoever guesses is stopped before a hash is made, at their address alone: whose secret it is,
    is let in at another.
    """
    client_id, secret = _credentials(request, form)
    limiter: RateLimiter = request.app.state.limiter
    await limiter.check(f"failures of client {client_id} at {address}", FAILURES_OF_CLIENT)
    known = await _known(request, client_id)
    hashes = known[1].secrets if known else {}
    for secret_id, stored in (hashes or {"": UNKNOWN}).items():
        if await secret_hashes.matches(secret, stored) and known is not None:
            return Authenticated(*known, secret_id)
    return client_id


async def _by_assertion(request: Request, form: dict[str, str]) -> Authenticated | str:
    """Who it is by an assertion; if nobody, the client id that was claimed."""
    if "client_secret" in form or "authorization" in request.headers:
        raise InvalidRequest("Credentials are given twice.")
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise InvalidRequest("client_assertion_type is of another kind.")
    assertion = form.get("client_assertion", "")
    client_id = form.get("client_id", "")
    used: UsedAssertions = request.app.state.used_assertions
    try:
        claimed = claimed_client(assertion)
        client_id = client_id or claimed
        known = await _known(request, client_id)
        if known is None or claimed != client_id:
            return client_id
        tenant, integration = known
        audience: str = request.app.state.token_endpoint
        good = verify(assertion, integration.jwks, client_id, audience)
        await used.use(tenant, integration.id, good)
    except BadAssertion:
        return client_id
    return Authenticated(tenant, integration, None)


async def _known(request: Request, client_id: str) -> tuple[str, Integration] | None:
    limiter: RateLimiter = request.app.state.limiter
    machines: Machines = request.app.state.machines
    await limiter.count(f"client {client_id}", ATTEMPTS_OF_CLIENT)
    try:
        return await machines.find(client_id)
    except Unauthenticated:
        return None


def _credentials(request: Request, form: dict[str, str]) -> tuple[str, str]:
    header = request.headers.get("authorization")
    if header is None:
        return form.get("client_id", ""), form.get("client_secret", "")
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClient("HTTP Basic or the form is needed.")
    if "client_secret" in form:
        raise InvalidRequest("Credentials are given twice.")
    try:
        pair = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise InvalidClient("The credentials cannot be read.") from error
    client_id, _, secret = pair.partition(":")
    return unquote_plus(client_id), unquote_plus(secret)
