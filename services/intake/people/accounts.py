"""Accounts: by what a person is known at the door, and the second factor."""

from typing import NamedTuple

import asyncpg
import msgspec

from services.intake.people import totp
from shared.clock import Clock
from shared.contracts import Sealed
from shared.database import Database, driver
from shared.errors import Conflict
from shared.privacy import Keyring

COLUMNS = (
    "person_id, password_hash, totp, totp_since IS NOT NULL AS second_factor, "
    "provider_hash IS NOT NULL AS from_provider"
)
BY_EMAIL = f"SELECT {COLUMNS} FROM accounts WHERE tenant = $1 AND email_hash = $2"  # noqa: S608
BY_PROVIDER = f"SELECT {COLUMNS} FROM accounts WHERE tenant = $1 AND provider_hash = $2"  # noqa: S608
BY_ID = f"SELECT {COLUMNS} FROM accounts WHERE tenant = $1 AND person_id = $2"  # noqa: S608

# An address that another account has stays with that account.
OPEN = """
INSERT INTO accounts (tenant, person_id, email_hash, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
"""
SET_EMAIL = "UPDATE accounts SET email_hash = $3 WHERE tenant = $1 AND person_id = $2"
EMAIL_HOLDER = "SELECT person_id FROM accounts WHERE tenant = $1 AND email_hash = $2"
SET_PASSWORD = "UPDATE accounts SET password_hash = $3 WHERE tenant = $1 AND person_id = $2"  # noqa: S105
SET_PROVIDER = """
INSERT INTO accounts (tenant, person_id, provider_hash, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant, person_id) DO UPDATE SET provider_hash = EXCLUDED.provider_hash
WHERE accounts.provider_hash IS NULL
"""
SET_TOTP = """
UPDATE accounts SET totp = $3, totp_since = NULL, totp_step = NULL
WHERE tenant = $1 AND person_id = $2
"""
NO_TOTP = """
UPDATE accounts SET totp = NULL, totp_since = NULL, totp_step = NULL
WHERE tenant = $1 AND person_id = $2
"""
# Of two who show the same code, one is in: the step only ever rises.
TAKE_STEP = """
UPDATE accounts SET totp_step = $3, totp_since = coalesce(totp_since, $4)
WHERE tenant = $1 AND person_id = $2 AND totp = $5 AND (totp_step IS NULL OR totp_step < $3)
RETURNING 1
"""


class EmailTaken(Conflict):
    """Another account of the organisation has this address."""

    code = "email_taken"
    title = "Another account of this organisation has this address"


class Account(NamedTuple):
    """A row. `second_factor`: it has been set up, and is asked for at each sign-in.
    `from_provider`: an identity provider knows them."""

    person_id: str
    password_hash: str | None
    totp: bytes | None
    second_factor: bool
    from_provider: bool


class Accounts:
    """The accounts of all organisations, one at a time."""

    def __init__(self, database: Database, keyring: Keyring, clock: Clock) -> None:
        self._database = database
        self._keyring = keyring
        self._clock = clock

    async def by_email(self, tenant: str, email: str) -> Account | None:
        """The account of an address, however it is capitalised."""
        return await self._find(BY_EMAIL, tenant, await self._email_hash(tenant, email))

    async def by_provider(self, tenant: str, issuer: str, subject: str) -> Account | None:
        """The account of somebody whom an identity provider calls `subject`."""
        hashed = await self._provider_hash(tenant, issuer, subject)
        return await self._find(BY_PROVIDER, tenant, hashed)

    async def of(self, tenant: str, person_id: str) -> Account | None:
        """The account of a person."""
        return await self._find(BY_ID, tenant, person_id)

    async def open(self, tenant: str, person_id: str, email: str | None) -> None:
        """Let there be an account; `EmailTaken` where another has the address."""
        hashed = await self._email_hash(tenant, email) if email else None
        async with self._database.session(tenant) as conn:
            raw = driver(conn)
            await raw.execute(OPEN, tenant, person_id, hashed, self._clock())
            if hashed is None:
                return
            holder = await raw.fetchval(EMAIL_HOLDER, tenant, hashed)
            if holder not in (None, person_id):
                raise EmailTaken
            try:
                await raw.execute(SET_EMAIL, tenant, person_id, hashed)
            except asyncpg.UniqueViolationError as error:
                raise EmailTaken(
                    "Another account of this organisation has this address."
                ) from error

    async def link_provider(self, tenant: str, person_id: str, issuer: str, subject: str) -> str:
        """Who is known to the provider as `subject` from now on: `person_id`, unless somebody is
        already."""
        known = await self.by_provider(tenant, issuer, subject)
        if known is not None:
            return known.person_id
        hashed = await self._provider_hash(tenant, issuer, subject)
        try:
            async with self._database.session(tenant) as conn:
                now = self._clock()
                await driver(conn).execute(SET_PROVIDER, tenant, person_id, hashed, now)
        except asyncpg.UniqueViolationError:
            # The same person in another window.
            known = await self.by_provider(tenant, issuer, subject)
            return known.person_id if known is not None else person_id
        return person_id

    async def set_password(self, tenant: str, person_id: str, password_hash: str) -> None:
        """Another password from now on."""
        async with self._database.session(tenant) as conn:
            await driver(conn).execute(SET_PASSWORD, tenant, person_id, password_hash)

    async def new_totp(self, tenant: str, person_id: str) -> str:
        """A new secret for the second factor, in force once a code of it was shown."""
        secret = totp.new_secret()
        cipher = (await self._keyring.load([(tenant, person_id)]))[tenant, person_id]
        if cipher is None:
            raise Conflict("This person has been erased.")
        sealed = cipher.seal(
            msgspec.json.encode(secret), tenant=tenant, stream=SEALED_AS, event_id=person_id
        )
        async with self._database.session(tenant) as conn:
            await driver(conn).execute(SET_TOTP, tenant, person_id, msgspec.json.encode(sealed))
        return secret

    async def forget_totp(self, tenant: str, person_id: str) -> None:
        """Their second factor is gone; where it is demanded, they set up another."""
        async with self._database.session(tenant) as conn:
            await driver(conn).execute(NO_TOTP, tenant, person_id)

    async def totp_secret(self, tenant: str, account: Account) -> str | None:
        """The secret of the second factor; None where there is none."""
        if account.totp is None:
            return None
        ref = (tenant, account.person_id)
        cipher = (await self._keyring.load([ref]))[ref]
        if cipher is None:
            return None
        sealed = msgspec.json.decode(account.totp, type=Sealed)
        plain = cipher.open(sealed, tenant=tenant, stream=SEALED_AS, event_id=account.person_id)
        return msgspec.json.decode(plain, type=str)

    async def show_code(self, tenant: str, account: Account, code: str) -> bool:
        """Whether `code` is the second factor now; it is so once. The first one sets it up."""
        secret = await self.totp_secret(tenant, account)
        if secret is None:
            return False
        now = self._clock()
        step = totp.step_of(secret, code, now)
        if step is None:
            return False
        row = (tenant, account.person_id, step, now, account.totp)
        async with self._database.session(tenant) as conn:
            return await driver(conn).fetchval(TAKE_STEP, *row) is not None

    async def _find(self, statement: str, tenant: str, by: str) -> Account | None:
        async with self._database.session(tenant) as conn:
            row = await driver(conn).fetchrow(statement, tenant, by)
        return Account(*row) if row is not None else None

    async def _email_hash(self, tenant: str, email: str) -> str:
        return (await self._keyring.hasher(tenant)).hash("email", email.strip().casefold())

    async def _provider_hash(self, tenant: str, issuer: str, subject: str) -> str:
        return (await self._keyring.hasher(tenant)).hash("provider", issuer, subject)


SEALED_AS = "totp"
"""Stands for the stream in what a sealed secret is bound to."""
