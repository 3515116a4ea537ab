"""Who is calling and what they may do: principals, scopes, tokens and the issuer's keys."""

from shared.security.jwks import JwksUrl, KeySource, SigningKeys
from shared.security.principal import SCOPES, Principal
from shared.security.tokens import AUDIENCE, TokenIssuer, TokenVerifier

__all__ = [
    "AUDIENCE",
    "SCOPES",
    "JwksUrl",
    "KeySource",
    "Principal",
    "SigningKeys",
    "TokenIssuer",
    "TokenVerifier",
]
