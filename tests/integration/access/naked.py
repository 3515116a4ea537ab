"""The platform without the first wall around a tenant: no query asks for it any more."""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg
import pytest

from deploy.setup.databases import DatabaseUrls

COLUMN = r"(?:\b\w+\.)?\btenant\b"
REWRITES = (
    # Every parameter stays, and keeps its type.
    (re.compile(rf"{COLUMN}\s*=\s*ANY\s*\((\$\d+)[^)]*\)", re.I), r"(\1::text[] IS NOT NULL)"),
    (re.compile(rf"{COLUMN}\s*=\s*(\$\d+(?:::[\w\[\]]+)?)", re.I), r"((\1)::text IS NOT NULL)"),
    (re.compile(rf"{COLUMN}\s*=\s*\w+\.tenant\b", re.I), "true"),
)
IN_FUNCTIONS = (
    *REWRITES,
    (re.compile(rf"{COLUMN}\s*=\s*(p_\w+)", re.I), r"(\1 IS NOT NULL)"),
)
FUNCTIONS = """
SELECT pg_get_functiondef(p.oid) FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname = 'public' AND p.prokind = 'f' AND pg_get_userbyid(p.proowner) = current_user
"""
WALLED = """
SELECT quote_ident(relname) FROM pg_class
WHERE relrowsecurity AND relnamespace = 'public'::regnamespace
"""


def without_filters(query: str, rewrites: tuple[tuple[re.Pattern[str], str], ...]) -> str:
    """A query that finds rows whoever's they are."""
    for pattern, instead in rewrites:
        query = pattern.sub(instead, query)
    return query


@contextmanager
def no_filters_in_queries(patching: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Whatever is asked of a database while it lasts; gives the queries that lost a filter."""
    changed: list[str] = []
    real = asyncpg.Connection._get_statement

    async def get_statement(self: Any, query: str, *args: Any, **options: Any) -> Any:
        naked = without_filters(query, REWRITES)
        if naked != query:
            changed.append(query)
        return await real(self, naked, *args, **options)

    with patching.context() as patched:
        patched.setattr(asyncpg.Connection, "_get_statement", get_statement)
        yield changed


@asynccontextmanager
async def no_filters_in_functions(urls: Mapping[str, DatabaseUrls]) -> AsyncIterator[None]:
    """The same for what the databases themselves ask."""
    before: dict[str, list[str]] = {}
    for service, found in urls.items():
        before[service] = [row[0] for row in await as_owner(found, FUNCTIONS)]
        for function in before[service]:
            await as_owner(found, without_filters(function, IN_FUNCTIONS))
    try:
        yield
    finally:
        for service, functions in before.items():
            for function in functions:
                await as_owner(urls[service], function)


@asynccontextmanager
async def no_walls(urls: Mapping[str, DatabaseUrls]) -> AsyncIterator[None]:
    """No row-level security either."""
    tables = {
        service: [row[0] for row in await as_owner(found, WALLED)]
        for service, found in urls.items()
    }
    await _all_walls(urls, tables, "DISABLE")
    try:
        yield
    finally:
        await _all_walls(urls, tables, "ENABLE")


async def _all_walls(
    urls: Mapping[str, DatabaseUrls], tables: Mapping[str, list[str]], what: str
) -> None:
    for service, names in tables.items():
        for name in names:
            await as_owner(urls[service], f"ALTER TABLE {name} {what} ROW LEVEL SECURITY")


async def as_owner(urls: DatabaseUrls, statement: str) -> list[asyncpg.Record]:
    """What the owner of the tables is answered."""
    connection = await asyncpg.connect(urls.owner)
    try:
        found: list[asyncpg.Record] = await connection.fetch(statement)
        return found
    finally:
        await connection.close()
