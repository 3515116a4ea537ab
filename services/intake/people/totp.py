"""The second factor: codes of six digits that change each half minute (RFC 6238)."""

from datetime import datetime

import pyotp
from pyotp.utils import strings_equal

ISSUER = "Heroic"
STEP_SECONDS = 30
DRIFT = 1
"""Steps by which somebody's clock may be off."""


def new_secret() -> str:
    """A secret for an authenticator, 160 random bits in base 32."""
    return pyotp.random_base32()


def address(secret: str, name: str, organisation: str) -> str:
    """What the QR code says."""
    totp = pyotp.TOTP(secret, interval=STEP_SECONDS)
    return totp.provisioning_uri(name=name, issuer_name=f"{ISSUER} {organisation}")


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """The step to which `code` belongs; None where it is no code of these minutes.

    Whoever accepts it must remember the step, and accept none that is not later.
    """
    totp = pyotp.TOTP(secret, interval=STEP_SECONDS)
    current = int(now.timestamp()) // STEP_SECONDS
    for step in range(current - DRIFT, current + DRIFT + 1):
        if strings_equal(totp.generate_otp(step), code.strip().replace(" ", "")):
            return step
    return None
