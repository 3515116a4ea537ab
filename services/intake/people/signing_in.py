"""All that signing in takes, wired together."""

from dataclasses import dataclass
from typing import Self

from services.intake.people.accounts import Accounts
from services.intake.people.attempts import Attempts
from services.intake.people.clients import ClientSignIns
from services.intake.people.inviting import link_url
from services.intake.people.joining import Joining
from services.intake.people.links import Links
from services.intake.people.persons import Persons
from services.intake.people.provider import Providers
from services.intake.people.sessions import Sessions
from services.intake.rate_limit import RateLimiter
from shared.clock import Clock
from shared.database import Database
from shared.eventstore import EventStore
from shared.privacy import Keyring
from shared.security import TokenIssuer


@dataclass(frozen=True)
class SigningIn:
    """The parts. `public_url` is where browsers reach the platform; `sample_links` says that this
    is a local sample stack, whose links let in by GET."""

    persons: Persons
    accounts: Accounts
    links: Links
    attempts: Attempts
    clients: ClientSignIns
    sessions: Sessions
    joining: Joining
    providers: Providers
    public_url: str
    sample_links: bool

    @classmethod
    def wire(
        cls,
        *,
        store: EventStore,
        keyring: Keyring,
        database: Database,
        issuer: TokenIssuer,
        limiter: RateLimiter,
        clock: Clock,
        public_url: str,
        sample_links: bool,
    ) -> Self:
        """The parts on these."""
        persons = Persons(store, keyring, clock)
        accounts = Accounts(database, keyring, clock)
        links = Links(database, keyring, clock)
        attempts = Attempts(database, keyring, limiter, clock)
        clients = ClientSignIns(database, keyring, links, attempts, clock)
        return cls(
            persons=persons,
            accounts=accounts,
            links=links,
            attempts=attempts,
            clients=clients,
            sessions=Sessions(database, persons, clients, issuer, clock),
            joining=Joining(persons, accounts),
            providers=Providers(insecure=public_url.startswith("http:")),
            public_url=public_url.rstrip("/"),
            sample_links=sample_links,
        )

    def link_url(self, tenant: str, token: str) -> str:
        """The address of a one-time link."""
        return link_url(self.public_url, tenant, token)
