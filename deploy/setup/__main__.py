"""Bring a cluster to this version: roles, databases, tables, topics. Idempotent.

    python -m deploy.setup

Reads `HEROIC_POSTGRES_DSN` (a superuser's), `HEROIC_OWNER_PASSWORD`, `HEROIC_APP_PASSWORD`,
`HEROIC_READER_PASSWORD`, `HEROIC_INSPECT_PASSWORD` and what the services' `migrate` role reads.
"""

import asyncio
import os
import sys

from deploy.setup import databases
from deploy.setup.databases import ROLES, SERVICES
from shared.errors import HeroicError
from shared.privacy import migrate_keys

ADMIN_VARIABLE = "HEROIC_POSTGRES_DSN"


class SetupFailed(HeroicError):
    """A service could not be brought to this version."""

    code, title = "setup_failed", "Setup failed"


async def migrate(service: str) -> int:
    """Run the service's own `migrate` role, which is told no superuser; returns its exit code."""
    command = [sys.executable, "-m", f"services.{service}", "migrate"]
    environment = {k: v for k, v in os.environ.items() if k != ADMIN_VARIABLE}
    process = await asyncio.create_subprocess_exec(*command, env=environment)
    return await process.wait()


async def main() -> None:
    """Do all of it, the services side by side; raises `SetupFailed`."""
    passwords = {role: os.environ[databases.password_variable(role)] for role in ROLES}
    await databases.set_up(os.environ[ADMIN_VARIABLE], passwords)
    await migrate_keys(os.environ["HEROIC_KEYS_OWNER_URL"])
    codes = await asyncio.gather(*(migrate(service) for service in SERVICES))
    failed = [service for service, code in zip(SERVICES, codes, strict=True) if code != 0]
    if failed:
        raise SetupFailed(f"migrate failed: {', '.join(failed)}")


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except HeroicError as error:
        sys.exit(f"setup: {error}")
