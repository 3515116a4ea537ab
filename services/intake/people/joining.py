"""Who comes in for the first time, and who comes from an identity provider at any time."""

from contextlib import suppress
from typing import NamedTuple

from services.intake.domain.organisation import IdentityProvider
from services.intake.people import passwords
from services.intake.people.accounts import Account, Accounts, EmailTaken
from services.intake.people.persons import Persons
from services.intake.people.provider import Claims
from shared.errors import Conflict, Forbidden, Invalid
from shared.eventstore import WrongVersion
from shared.ids import new_id

EMAIL_CHARS = 254


class NoRole(Forbidden):
    """None of somebody's groups is one that has a role here."""

    code, title = "no_role", "No role here"


class Beginning(NamedTuple):
    """What somebody begins with, checked."""

    person_id: str
    email: str
    password: str


class Joining:
    """Makes accounts for people."""

    def __init__(self, persons: Persons, accounts: Accounts) -> None:
        self._persons = persons
        self._accounts = accounts

    async def check(
        self, tenant: str, person_id: str, email: str | None, password: str
    ) -> Beginning:
        """Whether somebody may begin with this password, by the address of their invitation or,
        where it had none, by `email`.

        Raises `WeakPassword`, `EmailTaken`, `Invalid` without an address, and `Conflict` for who
        has no access any more.
        """
        person = await self._persons.get(tenant, person_id)
        address = (person.email or email or "").strip()
        if "@" not in address[1:-1] or len(address) > EMAIL_CHARS:
            raise Invalid("An e-mail address is needed, to sign in by.")
        if not person.active:
            raise Conflict("This person has no access any more.")
        passwords.check(password, person.name, address)
        holder = await self._accounts.by_email(tenant, address)
        if holder is not None and holder.person_id != person_id:
            raise EmailTaken
        return Beginning(person_id, address, password)

    async def begin(self, tenant: str, beginning: Beginning) -> None:
        """They sign in so from now on."""
        hashed = await passwords.make(beginning.password)
        await self._accounts.open(tenant, beginning.person_id, beginning.email)
        await self._accounts.set_password(tenant, beginning.person_id, hashed)
        await self._persons.join(tenant, beginning.person_id, "password")

    async def from_provider(self, tenant: str, provider: IdentityProvider, claims: Claims) -> str:
        """The person of whom a provider speaks, with the roles of their groups as these are now.

        Raises `NoRole` where no group has a role: whoever had some has none from now on.
        """
        mapped = provider.group_roles
        roles = frozenset(role for one in claims.groups for role in mapped.get(one, ()))
        issuer = provider.issuer
        account = await self._account(tenant, issuer, claims)
        if not roles:
            if account is not None and await self._persons.find(tenant, account.person_id):
                await self._persons.regroup(tenant, account.person_id, roles)
            raise NoRole("None of your groups has a role here.")
        person_id = await self._accounts.link_provider(
            tenant, account.person_id if account else new_id(), issuer, claims.subject
        )
        if await self._persons.find(tenant, person_id) is None:
            # Lost to the same person in another window: then they are known.
            with suppress(WrongVersion):
                await self._persons.invite(
                    tenant, claims.name, claims.email, roles, person_id=person_id
                )
        await self._persons.join(tenant, person_id, "provider")
        await self._persons.regroup(tenant, person_id, roles)
        return person_id

    async def _account(self, tenant: str, issuer: str, claims: Claims) -> Account | None:
        known = await self._accounts.by_provider(tenant, issuer, claims.subject)
        if known is not None or claims.email is None:
            return known
        # An address that the provider has checked is that of who was invited by it; but not of
        # who is known to the provider under another name already: addresses are given anew.
        invited = await self._accounts.by_email(tenant, claims.email)
        return invited if invited is not None and not invited.from_provider else None
