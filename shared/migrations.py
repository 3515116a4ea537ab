"""Bring a database to the schema of this version of the code (Alembic, one history a service)."""

from importlib.util import find_spec
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from shared.database import driver_url, transient_is_unavailable
from shared.errors import HeroicError

ENVIRONMENT = Path(__file__).with_name("alembic")


class NoMigrations(HeroicError):
    """There is no package of that name, so there is no history to run."""

    code, title = "no_migrations", "No migrations"


async def upgrade(service: str, owner_url: str) -> None:
    """Run what is missing of `services/<service>/migrations/versions`; idempotent."""
    spec = find_spec(f"services.{service}")
    if spec is None or not spec.submodule_search_locations:
        raise NoMigrations(f"there is no service named {service}")
    folder = Path(next(iter(spec.submodule_search_locations)))
    await upgrade_from(folder / "migrations" / "versions", owner_url)


async def upgrade_from(versions: Path, owner_url: str) -> None:
    """Run what is missing of the history in the folder `versions`; idempotent."""
    config = Config()
    config.set_main_option("script_location", str(ENVIRONMENT))
    config.set_main_option("version_locations", str(versions))
    config.set_main_option("path_separator", "newline")

    def run(connection: Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    engine = create_async_engine(driver_url(owner_url), poolclass=NullPool)
    try:
        with transient_is_unavailable():
            async with engine.begin() as connection:
                await connection.run_sync(run)
    finally:
        await engine.dispose()
