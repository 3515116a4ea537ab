"""The rules that organisations have put in force, as outcomes tells of them: a row each."""

from collections.abc import Collection, Iterable, Mapping

import asyncpg
import msgspec

from services.alerts.care_rows import execute
from services.alerts.domain.spans import SHIPPED, Endings, endings
from shared.contracts.outcomes import RuleSetPublished, RuleSetRolledBack
from shared.measures import rule_sets
from shared.measures.rule_set import Effective, published

RULE_SETS = """
SELECT tenant, document FROM rule_sets WHERE tenant = ANY($1::text[]) ORDER BY tenant, version
"""
SAVE_RULE_SETS = """
INSERT INTO rule_sets (tenant, version, document)
SELECT * FROM unnest($1::text[], $2::int[], $3::bytea[])
ON CONFLICT DO NOTHING
"""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(tuple[str, msgspec.Raw]).decode

SaidOfRules = RuleSetPublished | RuleSetRolledBack
SAYINGS: Mapping[str, type[SaidOfRules]] = {
    kind.type: kind for kind in (RuleSetPublished, RuleSetRolledBack)
}


async def save_rule_sets(
    conn: asyncpg.Connection, said: Iterable[tuple[str, int, SaidOfRules]]
) -> None:
    """Keep what organisations said of their rules (tenant, version of its stream, event)."""
    rows = [(tenant, version, _encode((event.type, event))) for tenant, version, event in said]
    await execute(conn, SAVE_RULE_SETS, rows)


async def load_rule_sets(
    conn: asyncpg.Connection, tenants: Collection[str]
) -> dict[str, list[Effective]]:
    """What each tenant has put in force, in the order in which it was said."""
    said: dict[str, list[SaidOfRules]] = {tenant: [] for tenant in tenants}
    for row in await conn.fetch(RULE_SETS, sorted(tenants)):
        kind, document = _decode(row["document"])
        said[row["tenant"]].append(msgspec.json.decode(document, type=SAYINGS[kind]))
    return {tenant: published(events, *rule_sets().values()) for tenant, events in said.items()}


async def load_endings(conn: asyncpg.Connection, tenants: Collection[str]) -> dict[str, Endings]:
    """After how many ratings without it a state ends, by what each tenant and we have published."""
    said = await load_rule_sets(conn, tenants)
    return {
        tenant: {**SHIPPED, **endings(one.rules for one in effective)} if effective else SHIPPED
        for tenant, effective in said.items()
    }
