"""How clients, and those close to them, sign in: a one-time code, then a PIN."""

from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from services.intake.people import passwords
from services.intake.people.attempts import Attempts
from services.intake.people.links import Links
from shared.clock import Clock
from shared.database import Database, driver
from shared.errors import Conflict, FieldError, Invalid, NotFound
from shared.privacy import Keyring

MIN_DIGITS, MAX_DIGITS = 6, 12

# Nobody signs in as who is erased, or is not close to the client any more.
STILL = """
SELECT NOT EXISTS (
    SELECT FROM access_clients WHERE tenant = $1 AND client_id = $2 AND erased_at IS NOT NULL
) AND NOT EXISTS (
    SELECT FROM access_principals WHERE tenant = $1 AND principal_id = $3 AND NOT active
)
"""
RELATED = "SELECT 1 FROM access_related WHERE tenant = $1 AND related_id = $2 AND client_id = $3"
BY_ID = """
SELECT principal_id, client_id, pin_hash FROM client_pins WHERE tenant = $1 AND principal_id = $2
"""
BY_CONTACT = """
SELECT principal_id, client_id, pin_hash FROM client_pins WHERE tenant = $1 AND contact_hash = $2
"""
SET_PIN = """
INSERT INTO client_pins (tenant, principal_id, client_id, pin_hash, contact_hash, created_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (tenant, principal_id) DO UPDATE
SET pin_hash = EXCLUDED.pin_hash, contact_hash = EXCLUDED.contact_hash
"""
# The newest holder of a contact has it: it was typed in by somebody with a code from the clinic.
FREE_CONTACT = """
UPDATE client_pins SET contact_hash = NULL
WHERE tenant = $1 AND contact_hash = $2 AND principal_id <> $3
"""
NO_PIN = "DELETE FROM client_pins WHERE tenant = $1 AND principal_id = $2"


class WeakPin(Invalid):
    """Not digits, too few, or the first that somebody would try."""

    code, title = "weak_pin", "PIN too weak"


class SignedIn(NamedTuple):
    """Who a client's sign-in is: the client, or somebody close to them."""

    principal_id: str
    client_id: str


class ClientSignIns:
    """Codes and PINs of the clients of all organisations, one at a time."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        links: Links,
        attempts: Attempts,
        clock: Clock,
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._links = links
        self._attempts = attempts
        self._clock = clock

    async def issue(
        self, tenant: str, client_id: str, related_id: str | None, *, forget_pin: bool
    ) -> tuple[str, datetime]:
        """A one-time code and when it ends; `NotFound` for who is not close to the client."""
        principal_id = related_id or client_id
        async with self._database.session(tenant) as conn:
            raw = driver(conn)
            if related_id and not await raw.fetchval(RELATED, tenant, related_id, client_id):
                raise NotFound("There is no such related person.")
            if forget_pin:
                await raw.execute(NO_PIN, tenant, principal_id)
        return await self._links.make(tenant, "code", principal_id, client_id=client_id)

    async def has_pin(self, tenant: str, principal_id: str) -> bool:
        """Whether they have chosen a PIN."""
        async with self._database.session(tenant) as conn:
            return await driver(conn).fetchrow(BY_ID, tenant, principal_id) is not None

    async def of_code(self, tenant: str, code: str) -> SignedIn | None:
        """Whose code it is; it stays good. None for none, and for who may not come in."""
        link = await self._links.find(tenant, code, "code")
        if link is None or link.client_id is None:
            return None
        return await self._still(tenant, SignedIn(link.principal_id, link.client_id))

    async def choose_pin(
        self, tenant: str, code: str, pin: str, contact: str | None
    ) -> SignedIn | None:
        """Spend the code on a PIN, and a contact to sign in by; None where the code is no good.

        Raises `WeakPin`, and `Conflict` where there is a PIN already.
        """
        check_pin(pin)
        who = await self.of_code(tenant, code)
        if who is None:
            return None
        if await self.has_pin(tenant, who.principal_id):
            raise Conflict("There is a PIN already; the clinic can let a new one be chosen.")
        hasher = await self._keyring.hasher(tenant)
        contact_hash = hasher.hash("contact", plain_contact(contact)) if contact else None
        pin_hash = await passwords.make(hasher.hash("pin", who.principal_id, pin))
        if await self._links.spend(tenant, code, "code") is None:
            return None
        now = self._clock()
        async with self._database.session(tenant) as conn:
            raw = driver(conn)
            if contact_hash is not None:
                await raw.execute(FREE_CONTACT, tenant, contact_hash, who.principal_id)
            await raw.execute(SET_PIN, tenant, *who, pin_hash, contact_hash, now)
        return who

    async def sign_in(self, tenant: str, name: str, pin: str) -> SignedIn | None:
        """Who signs in by a contact or a one-time code, and the PIN; None where it is not right.

        It takes as long where there is nobody of that name. Raises `TooManyRequests`.
        """
        await self._attempts.count(tenant, "client", plain_contact(name))
        hasher = await self._keyring.hasher(tenant)
        link = await self._links.find(tenant, name, "code")
        async with self._database.session(tenant) as conn:
            if link is not None:
                row = await driver(conn).fetchrow(BY_ID, tenant, link.principal_id)
            else:
                contact_hash = hasher.hash("contact", plain_contact(name))
                row = await driver(conn).fetchrow(BY_CONTACT, tenant, contact_hash)
        stored = row["pin_hash"] if row is not None else None
        # Under the organisation's key: a million PINs are soon tried against a stolen table.
        keyed = hasher.hash("pin", row["principal_id"] if row is not None else "", pin)
        if not await passwords.matches(keyed, stored) or row is None:
            return None
        who = await self._still(tenant, SignedIn(row["principal_id"], row["client_id"]))
        if who is not None and link is not None:
            spent = await self._links.spend(tenant, name, "code")
            who = who if spent is not None else None
        if who is not None:
            await self._attempts.forget(tenant, "client", plain_contact(name))
        return who

    async def still(self, tenant: str, principal_id: str, client_id: str) -> bool:
        """Whether they may be signed in at all."""
        return await self._still(tenant, SignedIn(principal_id, client_id)) is not None

    async def _still(self, tenant: str, who: SignedIn) -> SignedIn | None:
        row = (tenant, who.client_id, who.principal_id)
        async with self._database.session(tenant) as conn:
            return who if await driver(conn).fetchval(STILL, *row) else None


def check_pin(pin: str) -> None:
    """`WeakPin` for what is no PIN, and for one digit or a row of digits in order."""
    if not (pin.isascii() and pin.isdecimal() and MIN_DIGITS <= len(pin) <= MAX_DIGITS):
        raise _weak(f"A PIN has {MIN_DIGITS} to {MAX_DIGITS} digits.")
    steps = {int(b) - int(a) for a, b in pairwise(pin)}
    if len(steps) == 1 or len(set(pin)) <= 2:
        raise _weak("This PIN is easy to guess. Please choose another.")


def plain_contact(contact: str) -> str:
    """A contact as it is compared: an address in small letters, a number without its spaces."""
    plain = contact.strip().casefold()
    return plain if "@" in plain else "".join(one for one in plain if one.isalnum() or one == "+")


def _weak(words: str) -> WeakPin:
    return WeakPin(words, errors=[FieldError("/pin", words, WeakPin.code)])
