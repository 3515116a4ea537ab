"""An organisation's own identity provider: OpenID Connect's code flow with PKCE, state and nonce.

State, nonce and verifier all follow from one random secret in a cookie of the browser that began:
an answer that another browser was sent, or that belongs to another beginning, matches none of
them.
"""

import base64
import hmac
import secrets
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import httpx
import msgspec
from authlib.oauth2.client import OAuth2Client
from authlib.oauth2.rfc6749.parameters import prepare_token_request
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.intake.domain.organisation import IdentityProvider
from shared.errors import Forbidden, Unavailable
from shared.privacy.cache import ExpiringCache

SCOPE = "openid email profile"
# Signatures alone: a secret that two know says nothing of who signed.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
TIMEOUT_SECONDS = 5.0
MAX_BYTES = 256 * 1024
FRESH_SECONDS = 300.0
PROVIDERS = 1_000
LEEWAY_SECONDS = 60


class ProviderRefused(Forbidden):
    """The provider did not say, or not so that it can be believed, who signs in."""

    code, title = "provider_refused", "Not signed in by the identity provider"


class ProviderAway(Unavailable):
    """The provider does not answer as it must."""

    code, title = "provider_away", "The identity provider does not answer"


class Begun(NamedTuple):
    """Where the browser goes, and the secret that it keeps meanwhile."""

    url: str
    secret: str


class Claims(NamedTuple):
    """What a provider says of somebody."""

    subject: str
    name: str
    email: str | None
    groups: frozenset[str]


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a provider's discovery document that matters here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Providers:
    """Speaks with identity providers; `insecure` also by plain HTTP, where we do so ourselves."""

    def __init__(self, *, insecure: bool) -> None:
        self._insecure = insecure
        self._known: ExpiringCache[str, tuple[Metadata, KeySet]] = ExpiringCache(
            size=PROVIDERS, seconds=FRESH_SECONDS, timer=time.monotonic
        )

    async def begin(self, provider: IdentityProvider, callback: str) -> Begun:
        """Where to send somebody who wants to sign in."""
        metadata, _ = await self._metadata(provider)
        secret = secrets.token_urlsafe(32)
        client = OAuth2Client(
            None,
            client_id=provider.client_id,
            scope=SCOPE,
            redirect_uri=callback,
            code_challenge_method="S256",
        )
        url, _ = client.create_authorization_url(
            metadata.authorization_endpoint,
            state=_derived(secret, "state"),
            code_verifier=_derived(secret, "verifier"),
            nonce=_derived(secret, "nonce"),
        )
        return Begun(url, secret)

    async def complete(
        self, provider: IdentityProvider, callback: str, secret: str, answer: Mapping[str, str]
    ) -> Claims:
        """Who signed in, by the `answer` that came back.

        Raises `ProviderRefused` for an answer that is not to this beginning or cannot be
        believed, `ProviderAway` where the provider cannot be asked.
        """
        stated = answer.get("state", "").encode()
        if not secret or not hmac.compare_digest(stated, _derived(secret, "state").encode()):
            raise ProviderRefused("This sign-in was not begun here. Please begin again.")
        if "error" in answer or not answer.get("code"):
            raise ProviderRefused("The identity provider did not sign you in.")
        metadata, _ = await self._metadata(provider)
        # A provider that says who it is, says so truly (RFC 9207).
        if answer.get("iss", metadata.issuer) != metadata.issuer:
            raise ProviderRefused("The answer is another provider's.")
        tokens = await self._tokens(provider, metadata, callback, secret, answer["code"])
        claims = await self._verified(provider, tokens, _derived(secret, "nonce"))
        if provider.group_claim not in claims and metadata.userinfo_endpoint:
            claims |= await self._user_info(metadata.userinfo_endpoint, tokens, claims["sub"])
        return _claims(claims, provider.group_claim)

    async def _tokens(
        self, provider: IdentityProvider, metadata: Metadata, callback: str, secret: str, code: str
    ) -> dict[str, Any]:
        fields = {"code_verifier": _derived(secret, "verifier"), "client_id": provider.client_id}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        client_secret = provider.client_secret or ""
        if "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            pair = f"{quote(provider.client_id, safe='')}:{quote(client_secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            fields["client_secret"] = client_secret
        body = prepare_token_request(
            "authorization_code", redirect_uri=callback, code=code, **fields
        )
        return await self._json("POST", metadata.token_endpoint, headers, body)

    async def _verified(
        self, provider: IdentityProvider, tokens: dict[str, Any], nonce: str
    ) -> dict[str, Any]:
        """The claims of the ID token, its signature, issuer, audience, times and nonce checked."""
        id_token = tokens.get("id_token")
        if not isinstance(id_token, str):
            raise ProviderRefused("The identity provider did not sign you in.")
        metadata, keys = await self._metadata(provider)
        try:
            decoded = jwt.decode(id_token, keys, ALGORITHMS)
        except (JoseError, ValueError):
            # Keys rotate: once more with those of now.
            self._known.clear()
            metadata, keys = await self._metadata(provider)
            try:
                decoded = jwt.decode(id_token, keys, ALGORITHMS)
            except (JoseError, ValueError) as error:
                raise ProviderRefused("The ID token does not verify.") from error
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {"iss": {"value": metadata.issuer}, "aud": {"value": provider.client_id}},
            {
                "nonce": nonce,
                "client_id": provider.client_id,
                "access_token": tokens.get("access_token"),
            },
        )
        try:
            claims.validate(leeway=LEEWAY_SECONDS)
        except JoseError as error:
            raise ProviderRefused("The ID token does not verify.") from error
        return dict(decoded.claims)

    async def _user_info(self, url: str, tokens: dict[str, Any], subject: object) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {tokens.get('access_token')}"}
        found = await self._json("GET", url, headers)
        if found.get("sub") != subject:
            raise ProviderRefused("The identity provider speaks of somebody else.")
        return found

    async def _metadata(self, provider: IdentityProvider) -> tuple[Metadata, KeySet]:
        now = self._known.now()
        if (known := self._known.get(provider.issuer, now)) is not None:
            return known[0]
        base = provider.issuer.rstrip("/")
        document = await self._json("GET", f"{base}/.well-known/openid-configuration", {})
        try:
            metadata = msgspec.convert(document, Metadata)
            if metadata.issuer != provider.issuer:
                raise ProviderAway("The identity provider calls itself by another name.")
            keys = KeySet.import_key_set(await self._json("GET", metadata.jwks_uri, {}))  # type: ignore[arg-type]
        except (msgspec.ValidationError, JoseError, ValueError, TypeError, KeyError) as error:
            raise ProviderAway from error
        self._known.put(provider.issuer, (metadata, keys), now)
        return metadata, keys

    async def _json(
        self, method: str, url: str, headers: dict[str, str], content: str | None = None
    ) -> dict[str, Any]:
        if urlsplit(url).scheme != "https" and not self._insecure:
            raise ProviderAway("The identity provider must be asked by https.")
        try:
            async with (
                httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as client,
                client.stream(method, url, headers=headers, content=content) as answer,
            ):
                raw = b""
                async for chunk in answer.aiter_bytes():
                    raw += chunk
                    if len(raw) > MAX_BYTES:
                        raise ProviderAway("The identity provider says too much.")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ProviderAway from error
        if answer.status_code >= 500:
            raise ProviderAway
        if not answer.is_success:
            raise ProviderRefused("The identity provider did not sign you in.")
        try:
            return msgspec.json.decode(raw, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise ProviderAway from error


def _derived(secret: str, what: str) -> str:
    digest = hmac.digest(secret.encode(), what.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _claims(claims: dict[str, Any], group_claim: str) -> Claims:
    found = claims.get(group_claim, [])
    groups = [found] if isinstance(found, str) else found
    if not isinstance(groups, list):
        groups = []
    email = claims.get("email") if claims.get("email_verified") is True else None
    name = claims.get("name") or claims.get("preferred_username") or email
    return Claims(
        subject=str(claims["sub"]),
        name=str(name or "Without a name")[:200],
        email=email if isinstance(email, str) else None,
        groups=frozenset(one for one in groups if isinstance(one, str)),
    )
