"""The databases of operators' commands: from the environment, else of a local installation."""

import os

from deploy.cli.installation import Chosen
from deploy.local.home import Home
from deploy.setup import databases
from services.intake.settings import Settings
from shared.database import Database, create_database

CONNECTIONS = 1


def home_of(chosen: Chosen) -> Home:
    """The home of the local installation that `up.json` is of."""
    return Home(chosen.up_file.parent)


def urls(chosen: Chosen, database: str) -> databases.DatabaseUrls:
    """The DSNs of one database of the local installation."""
    return databases.urls(
        chosen.up().postgres["intake"], home_of(chosen).secrets().role_passwords, database
    )


def intake_settings(chosen: Chosen) -> Settings:
    """What intake's own commands need."""
    if "HEROIC_INTAKE_DATABASE_URL" in os.environ:
        return Settings()
    return Settings(
        database_url=urls(chosen, "heroic_intake").app,
        keys_url=urls(chosen, "heroic_keys").app,
        key_encryption_key=home_of(chosen).secrets().key_encryption_key,
    )


def reader(chosen: Chosen, service: str) -> Database:
    """The database of `service` in the role that sees every tenant."""
    given = os.environ.get(f"HEROIC_{service.upper()}_READER_URL")
    return create_database(given or urls(chosen, f"heroic_{service}").reader, pool_size=CONNECTIONS)
