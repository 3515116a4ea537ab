"""Commands on rule sets: load, decide, append."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import msgspec

from services.outcomes.domain import rules
from services.outcomes.domain.rules import Listed, RuleEvent, Wanted
from services.outcomes.domain.standards import RulesName
from services.outcomes.library import rule_events, rules_stream
from shared.clock import Clock, utc_now
from shared.commands import Caller, Stands, Writer, step
from shared.contracts.outcomes import Rule
from shared.errors import Conflict
from shared.eventstore import EventStore, IdempotencyKey, StoredResponse, WrongVersion
from shared.eventstore.position import encode_position
from shared.measures import RuleSet, default_rules, rule_sets
from shared.measures.rule_set import in_force, published
from shared.security import Principal

SERVICE = "outcomes"
TRIES = 5

Decide = Callable[[list[RuleEvent]], RuleEvent | None]


class RuleSetAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rule set and what is said of it beside; reads take `position`, where one was written."""

    key: str
    version: int
    effective_from: datetime | None
    in_force: bool
    published_by: str | None
    rules: list[Rule]
    position: str = ""


class RuleCommands:
    """What an organisation may do to its rule sets."""

    def __init__(self, store: EventStore, clock: Clock = utc_now) -> None:
        self._store = store
        self._writer = Writer(store)
        self._clock = clock

    async def listed(self, tenant: str) -> list[Listed]:
        """The default rule set and every one published, by version."""
        history = await self._history(tenant)
        return rules.listed(history, self._present(history))

    async def present(self, tenant: str) -> RuleSet:
        """The rule set in force."""
        return self._present(await self._history(tenant))

    async def publish(
        self, principal: Principal, wanted: Wanted, idempotency: IdempotencyKey | None
    ) -> StoredResponse:
        """Let a rule set judge from a while later on: 201, or 200 where that version is there.

        Raises Invalid and Conflict as `rules.publish` does.
        """

        def decide(history: list[RuleEvent]) -> RuleEvent | None:
            return rules.publish(history, wanted, principal.tenant, principal.id, self._clock())

        caller = Caller(principal.tenant, principal.id, idempotency)
        return await self._change(caller, decide, wanted)

    async def roll_back(
        self,
        principal: Principal,
        name: RulesName,
        effective_from: datetime | None,
        idempotency: IdempotencyKey | None,
    ) -> StoredResponse:
        """Let an earlier version judge again; raises NotFound and Invalid as the decision does."""

        def decide(history: list[RuleEvent]) -> RuleEvent | None:
            now = self._clock()
            tenant, by = principal.tenant, principal.id
            return rules.roll_back(history, name, effective_from, tenant, by, now)

        caller = Caller(principal.tenant, principal.id, idempotency)
        return await self._change(caller, decide, None)

    async def _change(
        self, caller: Caller, decide: Decide, wanted: Wanted | None
    ) -> StoredResponse:
        if stored := await self._writer.stored(caller):
            return stored
        for _ in range(TRIES):
            history = await self._history(caller.tenant)
            event = decide(history)
            if event is None and wanted is not None:
                return StoredResponse(200, self._answer(history, wanted.key, wanted.version or 0))
            if event is None:
                raise Conflict
            with suppress(WrongVersion):
                return await self._append(caller, history, event)
        raise Conflict("Others keep changing the rules of this organisation.")

    async def _append(
        self, caller: Caller, history: list[RuleEvent], event: RuleEvent
    ) -> StoredResponse:
        stream, expected = rules_stream(caller.tenant), len(history)
        position = encode_position(SERVICE, stream, expected + 1)
        after = [*history, event]
        answer = self._answer(after, event.key, event.rule_set_version, position)
        one = step(Stands(stream, expected, caller.tenant), event)
        return await self._writer.write(caller, [one], StoredResponse(201, answer))

    def _answer(
        self, history: list[RuleEvent], key: str, version: int, position: str = ""
    ) -> bytes:
        found = rules.described(history, (key, version), self._present(history))
        return msgspec.json.encode(answer_of(found, position))

    def _present(self, history: list[RuleEvent]) -> RuleSet:
        shipped = rule_sets().values()
        return in_force(published(history, *shipped), self._clock(), default_rules())

    async def _history(self, tenant: str) -> list[RuleEvent]:
        events = await self._store.read(tenant, rules_stream(tenant))
        return rule_events(one.data for one in events)


def answer_of(one: Listed, position: str = "") -> RuleSetAnswer:
    """A rule set as callers read it."""
    return RuleSetAnswer(
        key=one.rules.key,
        version=one.rules.version,
        effective_from=one.effective_from,
        in_force=one.in_force,
        published_by=one.published_by,
        rules=one.rules.rules,
        position=position,
    )
