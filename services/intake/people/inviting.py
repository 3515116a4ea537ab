"""Letting people in from the command line: the first administrator has nobody else to ask."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import NamedTuple

from services.intake.people.links import Links
from services.intake.people.persons import Persons
from services.intake.settings import Settings
from shared.clock import utc_now
from shared.contracts.people import StaffRole
from shared.database import create_database
from shared.eventstore import EventStore
from shared.privacy import open_keyring

CONNECTIONS = 1


class Invitation(NamedTuple):
    """Somebody who was invited, and the link by which they come in."""

    person_id: str
    url: str


def link_url(public_url: str, tenant: str, token: str) -> str:
    """The address of a one-time link."""
    return f"{public_url.rstrip('/')}/intake/o/{tenant}/links/{token}"


class Inviting:
    """Invites people and makes links."""

    def __init__(self, persons: Persons, links: Links, public_url: str) -> None:
        self._persons = persons
        self._links = links
        self._public_url = public_url

    async def invite(
        self, tenant: str, name: str, email: str | None, roles: Iterable[StaffRole]
    ) -> Invitation:
        """Somebody new; `NotFound` where there is no such organisation."""
        await self._persons.organisation(tenant)
        person_id = await self._persons.invite(tenant, name, email, frozenset(roles))
        token, _ = await self._links.make(tenant, "invite", person_id)
        return Invitation(person_id, link_url(self._public_url, tenant, token))

    async def sign_in_link(
        self, tenant: str, principal_id: str, lifetime: timedelta, *, client_id: str | None = None
    ) -> str:
        """A link that signs somebody in without more; a person, or with `client_id` a client."""
        token, _ = await self._links.make(
            tenant, "sign-in", principal_id, client_id=client_id, lifetime=lifetime
        )
        return link_url(self._public_url, tenant, token)


@asynccontextmanager
async def open_inviting(settings: Settings) -> AsyncGenerator[Inviting]:
    """It, on the databases of `settings`."""
    database = create_database(settings.database_url, pool_size=CONNECTIONS)
    keys = create_database(settings.keys_url, pool_size=CONNECTIONS)
    keyring = open_keyring(keys, settings.key_encryption_key)
    store = EventStore(database, keyring, utc_now, service="intake")
    await store.start()
    try:
        persons = Persons(store, keyring, utc_now)
        yield Inviting(persons, Links(database, keyring, utc_now), settings.public_url)
    finally:
        await store.stop()
        await keyring.close()
        await database.dispose()
