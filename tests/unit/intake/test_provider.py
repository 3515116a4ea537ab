"""ID tokens that must not be believed, and what is read from one that may be."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from services.intake.domain.organisation import IdentityProvider
from services.intake.people.provider import ProviderAway, ProviderRefused, Providers
from shared.errors import HeroicError

ISSUER = "https://login.example.org"
KEY = RSAKey.generate_key(2048, parameters={"kid": "k1"}, private=True)
OTHER = RSAKey.generate_key(2048, parameters={"kid": "k1"}, private=True)
PROVIDER = IdentityProvider(
    issuer=ISSUER, client_id="heroic", client_secret="s", group_claim="groups", group_roles={}
)
METADATA = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/jwks",
}
CALLBACK = "https://heroic.test/callback"


class Answering(Providers):
    """Providers whose provider answers what a test says, without a network."""

    def __init__(self, **answers: Any) -> None:
        super().__init__(insecure=False)
        self.answers: dict[str, Any] = {
            "metadata": METADATA,
            "jwks": KeySet([KEY]).as_dict(private=False),
        }
        self.answers |= answers
        self.asked: list[str] = []

    async def _json(
        self, method: str, url: str, headers: dict[str, str], content: str | None = None
    ) -> dict[str, Any]:
        self.asked.append(url)
        name = {f"{ISSUER}/jwks": "jwks", f"{ISSUER}/token": "tokens"}.get(url, "metadata")
        found: dict[str, Any] = self.answers[name]
        return found


async def complete(providers: Answering, **claims: Any) -> Any:
    """Come back with an ID token of these claims, else right ones."""
    begun = await providers.begin(PROVIDER, CALLBACK)
    asked = dict(pair.split("=") for pair in begun.url.partition("?")[2].split("&"))
    now = int(time.time())
    right = {
        "iss": ISSUER,
        "aud": "heroic",
        "sub": "s-1",
        "iat": now,
        "exp": now + 60,
        "nonce": asked["nonce"],
        "groups": ["a", 7, "b"],
        "email": "kim@example.org",
    }
    held = {name: value for name, value in (right | claims).items() if value is not None}
    if "tokens" not in providers.answers:
        signed = providers.answers.get(
            "sign", lambda held: jwt.encode({"alg": "RS256", "kid": "k1"}, held, KEY)
        )
        providers.answers["tokens"] = {"access_token": "a", "id_token": signed(held)}
    answer = {"code": "c", "state": asked["state"]} | providers.answers.get("answer", {})
    return await providers.complete(PROVIDER, CALLBACK, begun.secret, answer)


async def test_a_right_token_says_who_signs_in() -> None:
    claims = await complete(Answering(), email_verified=True, name="Kim")
    assert (claims.subject, claims.name, claims.email) == ("s-1", "Kim", "kim@example.org")
    assert claims.groups == {"a", "b"}


@pytest.mark.parametrize("verified", [None, False, "true", 1])
async def test_an_address_that_nobody_checked_is_not_believed(verified: object) -> None:
    assert (await complete(Answering(), email_verified=verified)).email is None


@pytest.mark.parametrize("groups", ["a", ["a"], None, 7, {"a": 1}, [["a"]]])
async def test_groups_may_come_in_many_shapes(groups: object) -> None:
    found = (await complete(Answering(), groups=groups)).groups
    assert found == ({"a"} if groups in ("a", ["a"]) else set())


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"aud": ["heroic", "another"]},
        {"aud": ["heroic", "another"], "azp": "another"},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"iat": int(time.time()) + 3600},
        {"nbf": int(time.time()) + 3600},
        {"sub": None},
        {"at_hash": "x"},
    ],
)
async def test_a_token_for_something_else_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ProviderRefused):
        await complete(Answering(), **wrong)


def by_hand(header: dict[str, str], held: dict[str, Any], secret: bytes) -> str:
    """What no library would sign."""
    parts = [urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in (header, held)]
    signature = hmac.digest(secret, b".".join(parts), "sha256") if secret else b""
    return b".".join([*parts, urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def unsigned(held: dict[str, Any]) -> str:
    return by_hand({"alg": "none"}, held, b"")


def by_public_key(held: dict[str, Any]) -> str:
    """Signed with the public key as if it were a secret that both know."""
    return by_hand({"alg": "HS256", "kid": "k1"}, held, KEY.as_pem(private=False))


def by_another(held: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "k1"}, held, OTHER)


def by_an_unknown(held: dict[str, Any]) -> str:
    key = ECKey.generate_key("P-256", parameters={"kid": "k2"}, private=True)
    return jwt.encode({"alg": "ES256", "kid": "k2"}, held, key)


@pytest.mark.parametrize(
    "sign", [unsigned, by_public_key, by_another, by_an_unknown, lambda _: "x.y.z"]
)
async def test_a_token_that_the_provider_did_not_sign_is_refused(sign: Any) -> None:
    with pytest.raises(ProviderRefused):
        await complete(Answering(sign=sign))


@pytest.mark.parametrize("tokens", [{}, {"id_token": 7}, {"id_token": ""}, {"id_token": None}])
async def test_an_answer_without_a_token_is_refused(tokens: dict[str, Any]) -> None:
    with pytest.raises(ProviderRefused):
        await complete(Answering(tokens=tokens))


async def test_a_key_that_came_in_between_is_fetched() -> None:
    providers = Answering()
    await providers.begin(PROVIDER, CALLBACK)
    providers.answers["jwks"] = KeySet([OTHER]).as_dict(private=False)
    providers.answers["sign"] = by_another
    assert (await complete(providers)).subject == "s-1"
    assert providers.asked.count(f"{ISSUER}/jwks") == 2


async def test_another_provider_that_answers_is_refused() -> None:
    with pytest.raises(ProviderRefused):
        await complete(Answering(answer={"iss": "https://evil.example"}))


@contextmanager
def away() -> Iterator[None]:
    with pytest.raises(HeroicError) as caught:
        yield
    assert isinstance(caught.value, ProviderAway)


@pytest.mark.parametrize(
    "answers",
    [
        {"metadata": METADATA | {"issuer": "https://evil.example"}},
        {"metadata": {"issuer": ISSUER}},
        {"jwks": {"keys": "none"}},
        {"jwks": {"keys": [{"kty": "RSA"}]}},
    ],
)
async def test_a_provider_that_makes_no_sense_is_as_good_as_away(answers: dict[str, Any]) -> None:
    with away():
        await Answering(**answers).begin(PROVIDER, CALLBACK)


async def test_behind_tls_a_provider_is_asked_by_tls_alone() -> None:
    with away():
        await Providers(insecure=False)._json("GET", "http://127.0.0.1:9/x", {})
