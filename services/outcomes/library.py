"""What each organisation's ratings are judged by, as its streams and definitions say now.

Rule sets and curves are events of this very service, in force a minute and more after they were
committed: whoever assesses a rating recorded then reads them in the store. Definitions come from
feedback and may be late: see `definitions`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import NamedTuple

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from services.outcomes.domain.standards import Standards, shipped
from shared.contracts import Event
from shared.contracts.intake import AgeGroup
from shared.contracts.outcomes import ExpectedResponseFitted, RuleSetPublished, RuleSetRolledBack
from shared.database import array_literal, driver
from shared.eventstore.reading import READ_IN, open_rows
from shared.measures import Definition, RuleSet, rule_sets
from shared.measures.expected import Curve, curve_of
from shared.measures.rule_set import published
from shared.privacy import Keyring

# Versions never change: where there are as many as before, they are the same.
MARKS = """
SELECT t.tenant,
    (SELECT version FROM streams WHERE tenant = t.tenant AND stream = 'rules-' || t.tenant),
    (SELECT version FROM streams WHERE tenant = t.tenant AND stream = 'curve-' || t.tenant),
    (SELECT count(*) FROM definitions WHERE tenant = t.tenant),
    EXISTS (SELECT FROM waiting WHERE tenant = t.tenant)
FROM unnest($1::text::text[]) AS t (tenant)
"""
DEFINITIONS = "SELECT key, version, document FROM definitions WHERE tenant = $1"


class Mark(NamedTuple):
    """How much an organisation has published."""

    rules: int | None
    curves: int | None
    definitions: int


class Shelf(NamedTuple):
    """The standards of some organisations, and in which of them clients wait for a definition."""

    standards: dict[str, Standards]
    waited_in: set[str]


class Library:
    """Keeps what was read until there is more."""

    def __init__(self, keyring: Keyring, default: RuleSet | None = None) -> None:
        self._keyring = keyring
        self._default = shipped(default)
        self._known: dict[str, tuple[Mark, Standards]] = {}

    async def look(self, conn: AsyncConnection, tenants: Collection[str]) -> Shelf:
        """The standards of each of `tenants`, who must be visible in the transaction."""
        shelf = Shelf({}, set())
        rows = await driver(conn).fetch(MARKS, array_literal(sorted(tenants)))
        for tenant, rules, curves, count, is_waited_in in rows:
            mark = Mark(rules, curves, count)
            known = self._known.get(tenant)
            if known is None or known[0] != mark:
                known = self._known[tenant] = mark, await self._read(conn, tenant, mark)
            shelf.standards[tenant] = known[1]
            if is_waited_in:
                shelf.waited_in.add(tenant)
        return shelf

    async def of(self, conn: AsyncConnection, tenant: str) -> Standards:
        """The standards of one organisation."""
        return (await self.look(conn, [tenant])).standards[tenant]

    async def _read(self, conn: AsyncConnection, tenant: str, mark: Mark) -> Standards:
        if mark == NOTHING:
            return self._default
        own = {
            (row["key"], row["version"]): msgspec.json.decode(row["document"], type=Definition)
            for row in await driver(conn).fetch(DEFINITIONS, tenant)
        }
        streams = [rules_stream(tenant), f"curve-{tenant}"]
        rows = await driver(conn).fetch(READ_IN, tenant, streams, 0)
        events = [one.data for one in await open_rows(rows, self._keyring, 0)]
        return self._default._replace(
            definitions={**self._default.definitions, **own},
            rule_sets=published(rule_events(events), *rule_sets().values(), self._default.default),
            curves=curves_of(events),
        )


NOTHING = Mark(None, None, 0)


def rules_stream(tenant: str) -> str:
    """The stream of an organisation's rule sets."""
    return f"rules-{tenant}"


def rule_events(events: Iterable[Event]) -> list[RuleSetPublished | RuleSetRolledBack]:
    """Those of `events` that say which rules judge."""
    return [one for one in events if isinstance(one, RuleSetPublished | RuleSetRolledBack)]


def curves_of(events: Iterable[Event]) -> dict[tuple[str, AgeGroup], list[Curve]]:
    """The fitted curves by measure and age group."""
    found: dict[tuple[str, AgeGroup], list[Curve]] = defaultdict(list)
    for event in events:
        if isinstance(event, ExpectedResponseFitted):
            found[event.measure, event.age_group].append(curve_of(event))
    return dict(found)
