"""Who is calling and what they may do: principals, the policy, tokens and the issuer's keys."""

from shared.security.jwks import JwksUrl, KeySource
from shared.security.policy import POLICY, SCOPES, Permission, Reach
from shared.security.principal import Principal
from shared.security.signing import SigningKeyFile, SigningKeys
from shared.security.tokens import AUDIENCE, TokenIssuer, TokenVerifier

__all__ = [
    "AUDIENCE",
    "POLICY",
    "SCOPES",
    "JwksUrl",
    "KeySource",
    "Permission",
    "Principal",
    "Reach",
    "SigningKeyFile",
    "SigningKeys",
    "TokenIssuer",
    "TokenVerifier",
]
