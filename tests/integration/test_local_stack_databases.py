"""The login roles: who sees what in a fresh database."""

import asyncpg
import pytest

from tests.conftest import MakeDatabase

TABLE = """
CREATE TABLE notes (tenant int, body text);
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE notes FORCE ROW LEVEL SECURITY;
CREATE POLICY wall ON notes USING (tenant = ANY (
    string_to_array(current_setting('heroic.tenants', true), ',')::int[]));
"""


async def test_the_application_sees_the_named_tenants_and_the_reader_sees_all(
    make_database: MakeDatabase,
) -> None:
    urls = await make_database()
    owner = await asyncpg.connect(urls.owner)
    await owner.execute(TABLE)
    app, reader, inspect = [
        await asyncpg.connect(url) for url in (urls.app, urls.reader, urls.inspect)
    ]
    async with app.transaction():
        await app.execute("SET LOCAL heroic.tenants = '1,2'")
        await app.execute("INSERT INTO notes VALUES (1, 'a'), (2, 'b')")

    assert await app.fetchval("SELECT count(*) FROM notes") == 0
    assert await reader.fetchval("SELECT count(*) FROM notes") == 2
    assert await inspect.fetchval("SELECT count(*) FROM notes") == 2
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await inspect.execute("DELETE FROM notes")
    for connection in (owner, app, reader, inspect):
        await connection.close()
