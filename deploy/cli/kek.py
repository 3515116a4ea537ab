"""`heroic keys rewrap` and `wrapped`: the keys by which the keys of clients are wrapped.

To rotate: (1) give every process the new key after the present one, in
`HEROIC_KEY_ENCRYPTION_KEY` (apart by a comma) or the file that `HEROIC_KEY_ENCRYPTION_KEY_FILE`
names; (2) then give the new one first; (3) `heroic keys rewrap`; (4) once `heroic keys wrapped`
names nothing but the new one, and backups of the key database that are older have run out, take
the old one away.
"""

import asyncio
import os
from typing import Annotated

import typer

from deploy.cli.installation import Chosen
from deploy.cli.settings import key_settings, urls
from shared.database import Database, create_database
from shared.privacy import local_wrapper
from shared.privacy.rewrapping import rewrap, wrapped_by
from shared.privacy.wrapping import UNNAMED

Batch = Annotated[int, typer.Option(help="Keys a commit.", min=1, max=1000)]


def rewrap_keys(context: typer.Context, batch: Batch = 500) -> None:
    """Wrap all keys by the first key-encryption key; may be broken off and run again."""
    chosen = context.ensure_object(Chosen)
    wrapper = local_wrapper(key_settings(chosen)[1])

    async def run() -> None:
        database = reader_of_keys(chosen)
        try:
            done = await rewrap(database, wrapper, at_once=batch)
        finally:
            await database.dispose()
        typer.echo(f"{done.keys} wrapped anew by {done.key_id}")

    asyncio.run(run())


def wrapped(context: typer.Context) -> None:
    """How many keys each key-encryption key has wrapped; the one in use is marked."""
    chosen = context.ensure_object(Chosen)
    present = local_wrapper(key_settings(chosen)[1]).key_id

    async def run() -> None:
        database = reader_of_keys(chosen)
        try:
            found = await wrapped_by(database)
        finally:
            await database.dispose()
        for key_id, keys in sorted(({present: 0} | found).items()):
            name = "of before ids were kept" if key_id == UNNAMED else key_id
            typer.echo(f"{name}  {keys}{'  in use' if key_id == present else ''}")

    asyncio.run(run())


def reader_of_keys(chosen: Chosen) -> Database:
    """The key database in the role that sees every tenant's."""
    given = os.environ.get("HEROIC_KEYS_READER_URL")
    return create_database(given or urls(chosen, "heroic_keys").reader, pool_size=1)
