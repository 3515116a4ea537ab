"""What each process of the local stack is told, by its environment.

A process gets the passwords that it needs and no other: the web process never holds the role
that reads every tenant, and nothing but `migrate` may change tables.
"""

import os
from dataclasses import dataclass

from deploy.local.home import Home, Secrets
from deploy.local.stacks import Stack
from deploy.setup import databases
from deploy.setup.databases import SERVICES, DatabaseUrls

KEYS_DATABASE = "heroic_keys"
# The superuser's DSN of an external stack is for the supervisor alone.
WITHHELD = {"HEROIC_POSTGRES_DSN"}


@dataclass(frozen=True)
class Environment:
    """Makes the environments of the processes."""

    home: Home
    stack: Stack
    secrets: Secrets
    port: int

    @property
    def public_url(self) -> str:
        """The address under which people and machines reach every service."""
        return f"http://127.0.0.1:{self.port}"

    def urls(self, database: str) -> DatabaseUrls:
        """The DSNs of one database."""
        admin = self.stack.postgres_admin_dsn
        return databases.urls(admin, self.secrets.role_passwords, database)

    def web(self, metrics_port: int) -> dict[str, str]:
        """The web process: all services, rows of one tenant at a time."""
        own = {
            "HEROIC_SIGNING_KEYS": str(self.home.signing_keys),
            "HEROIC_METRICS_PORT": str(metrics_port),
            # The links of `up.json` let in whoever opens them, here and nowhere else.
            "HEROIC_SAMPLE_SIGN_IN": "1",
        }
        return self._common() | self._app(*SERVICES) | own

    def worker(self, service: str, metrics_port: int) -> dict[str, str]:
        """One service's relay and consumers."""
        own = {"HEROIC_METRICS_PORT": str(metrics_port)}
        return self._common() | self._app(service) | self._reader(service) | own

    def setup(self) -> dict[str, str]:
        """`deploy.setup`: the one process that is told the superuser's DSN."""
        passwords = {
            databases.password_variable(role): password
            for role, password in self.secrets.role_passwords.items()
        }
        admin = {"HEROIC_POSTGRES_DSN": self.stack.postgres_admin_dsn}
        return self.operator() | passwords | admin

    def operator(self) -> dict[str, str]:
        """The operators' commands: every role of every service."""
        values = self._common() | self._app(*SERVICES) | self._reader(*SERVICES)
        for service in SERVICES:
            values[f"HEROIC_{service.upper()}_OWNER_URL"] = self.urls(f"heroic_{service}").owner
        values["HEROIC_KEYS_OWNER_URL"] = self.urls(KEYS_DATABASE).owner
        values["HEROIC_SIGNING_KEYS"] = str(self.home.signing_keys)
        return values

    def plain(self) -> dict[str, str]:
        """A process that only speaks HTTP."""
        return {name: value for name, value in os.environ.items() if name not in WITHHELD}

    def _common(self) -> dict[str, str]:
        return self.plain() | {
            "HEROIC_KAFKA": self.stack.kafka,
            "HEROIC_REDIS_URL": self.stack.redis_url,
            "HEROIC_PUBLIC_URL": self.public_url,
            "HEROIC_JWKS_URL": f"{self.public_url}/intake/.well-known/jwks.json",
            "HEROIC_KEYS_URL": self.urls(KEYS_DATABASE).app,
            "HEROIC_KEY_ENCRYPTION_KEY": self.secrets.key_encryption_key,
        }

    def _app(self, *services: str) -> dict[str, str]:
        return {
            f"HEROIC_{service.upper()}_DATABASE_URL": self.urls(f"heroic_{service}").app
            for service in services
        }

    def _reader(self, *services: str) -> dict[str, str]:
        return {
            f"HEROIC_{service.upper()}_READER_URL": self.urls(f"heroic_{service}").reader
            for service in services
        }
