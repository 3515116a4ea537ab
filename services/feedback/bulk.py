"""Many ratings at once: a chunk of lines has one look-up and goes into one or two commits."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple

from services.feedback.admission import Actor, Admission
from services.feedback.call import Call
from services.feedback.chunks import Loaded, Options, Plan, Planned, Row
from services.feedback.domain.episode import Reference
from services.feedback.domain.state import Feedback, Given, fold
from services.feedback.lookup import (
    Found,
    Holder,
    Question,
    look_up,
    stream_of,
    stream_of_measure,
)
from services.feedback.measures import Measures
from services.feedback.places import Places, claim_stream
from shared.clock import AHEAD, Clock
from shared.database import Database
from shared.errors import Conflict, HeroicError
from shared.eventstore import Claimed, EventStore, Written, WrongVersion
from shared.ids import new_id
from shared.privacy import Keyring
from shared.telemetry import current_trace_id, current_traceparent
from shared.web.ndjson import Line, LineResult, chunks, refused
from shared.web.reach import why_of

CHUNK = 1_000
"""Lines that are decided together; no commit is larger."""

IN_FLIGHT = 3
"""Chunks at a time: one is committed, one decided, and one ends with what waited for others."""

TRIES = 10
"""How often the rows of an episode that lost a race are decided anew."""

Parse = Callable[[bytes], tuple[Reference, Given]]
"""Reads a line; raises HeroicError for one that cannot be taken."""


class Running(NamedTuple):
    """A chunk that is being settled, and the names in it that others must wait for."""

    names: set[str]
    task: asyncio.Task[list[LineResult]]


class Bulk:
    """Takes ratings a chunk of lines at a time."""

    def __init__(
        self,
        database: Database,
        store: EventStore,
        keyring: Keyring,
        places: Places,
        measures: Measures,
        admission: Admission,
        clock: Clock,
        parse: Parse,
    ) -> None:
        self._database = database
        self._store = store
        self._keyring = keyring
        self._places = places
        self._measures = measures
        self._admission = admission
        self._clock = clock
        self._parse = parse

    async def begin(
        self, actor: Actor, options: Options, lines: Sequence[Line], named: Sequence[Reference]
    ) -> AsyncIterator[list[LineResult]]:
        """The results, a chunk at a time, in the order of the lines; `named` are their episodes.

        Raises NotYetHere, before anything is written, while intake may have opened an episode
        that a line names and that is not known here yet.
        """
        hasher = await self._keyring.hasher(options.tenant)
        await self._places.settle(options.tenant, named)
        correlation_id = current_trace_id() or new_id()
        call = Call(actor, options, hasher, correlation_id, current_traceparent())
        return self._results(call, lines)

    async def _results(self, call: Call, lines: Sequence[Line]) -> AsyncIterator[list[LineResult]]:
        """Read a chunk while those before are being decided and written."""
        running: deque[Running] = deque()
        try:
            for chunk in chunks(lines, CHUNK):
                rows, results = self._read(call, chunk)
                if len(running) == IN_FLIGHT:
                    yield await running.popleft().task
                names = {name for row in rows for name in row.names}
                settling = self._settle(call, rows, names, results, list(running))
                running.append(Running(names, asyncio.create_task(settling)))
                await asyncio.sleep(0)
            while running:
                yield await running.popleft().task
        finally:
            # The caller went away: what has begun is committed whole or not at all.
            for one in running:
                one.task.cancel()

    def _read(self, call: Call, chunk: Sequence[Line]) -> tuple[list[Row], list[LineResult]]:
        """The lines that could be read, and the results of the others."""
        rows, results = [], []
        hasher = call.hasher
        for number, raw in chunk:
            try:
                reference, given = self._parse(raw)
            except HeroicError as error:
                results.append(refused(number, error))
                continue
            episode, rating = reference.external_id, given.external_id
            claim = claim_stream(hasher, rating) if rating is not None else None
            rows.append(Row(number, reference, call.episode_hash(episode), given, claim))
        return rows, results

    async def _settle(
        self,
        call: Call,
        rows: list[Row],
        names: set[str],
        results: list[LineResult],
        before: Sequence[Running],
    ) -> list[LineResult]:
        """Decide and write `rows`, which name `names`; the results of the whole chunk, in order.

        Rows that name what a chunk still in flight names too come after it: the ratings of an
        episode are stored in the order of the lines.
        """
        busy = set().union(*(one.names for one in before))
        free = busy.isdisjoint(names)
        now = rows if free else [row for row in rows if busy.isdisjoint(row.names)]
        await self._decide(call, now, results)
        if len(now) < len(rows):
            await asyncio.wait([one.task for one in before])
            later = [row for row in rows if not busy.isdisjoint(row.names)]
            await self._decide(call, later, results)
        return sorted(results, key=lambda result: result.line)

    async def _decide(self, call: Call, rows: list[Row], results: list[LineResult]) -> None:
        """Decide and write `rows`, again where they lose a race; adds their results."""
        for _ in range(TRIES):
            if not rows:
                return
            try:
                plan = await self._plan(call, rows)
            except HeroicError as error:
                results += [refused(row.line, error) for row in rows]
                return
            results += plan.results
            new = call.first_of(plan.clients)
            rows = await self._write(call, list(plan.planned.values()), results)
            await self._admission.done(call.actor, new, why_of(call.actor.principal))
        raced = Conflict("Others keep changing the ratings of this episode.")
        results += [refused(row.line, raced, "conflict") for row in rows]

    async def _plan(self, call: Call, rows: Sequence[Row]) -> Plan:
        """Load what the rows need and decide them."""
        options = call.options
        keys = {row.given.measure for row in rows}
        asked = Question(
            frozenset(row.reference.id for row in rows if row.reference.id),
            frozenset(row.episode_hash for row in rows if row.episode_hash),
            frozenset(row.claim for row in rows if row.claim).union(map(stream_of_measure, keys)),
        )
        found = await look_up(self._database, options.tenant, asked)
        known = Loaded(
            found,
            await self._measures.find_all(options.tenant, keys, found.measures),
            await self._present(options.tenant, found),
        )
        pending = call.dry if options.dry_run else {}
        plan = Plan(options, known, self._clock() + AHEAD, pending)
        plan.take_all(sorted(rows, key=lambda row: row.line))
        return plan

    async def _present(self, tenant: str, found: Found) -> dict[str, Feedback]:
        """The ratings, by episode, of those that hold a claim already.

        Follows ratings that were moved: the holders in `found` say where they are now.
        """
        present: dict[str, Feedback] = {}
        while wanted := {one.episode_id for one in found.claims.values()} - present.keys():
            streams = await self._store.read_many(tenant, [stream_of(one) for one in wanted])
            for one in wanted:
                recorded = streams[stream_of(one)]
                present[one] = fold((event.version, event.data) for event in recorded)
            for claim, holder in found.claims.items():
                gone_to = present[holder.episode_id].moved.get(holder.rating_id)
                if gone_to is not None:
                    found.claims[claim] = Holder(gone_to, holder.rating_id)
        return present

    async def _write(
        self, call: Call, planned: Sequence[Planned], results: list[LineResult]
    ) -> list[Row]:
        """Write what was planned and add the results; the rows that lost a race."""
        outcomes = {} if call.options.dry_run else await self._outcomes(call, planned)
        lost: list[Row] = []
        for one in planned:
            outcome = outcomes.get(one.known.episode.id)
            if isinstance(outcome, WrongVersion | Claimed):
                lost += one.rows
            elif isinstance(outcome, HeroicError):
                results += [refused(row.line, outcome) for row in one.rows]
            else:
                results += one.results
        return lost

    async def _outcomes(
        self, call: Call, planned: Sequence[Planned]
    ) -> dict[str, Written | HeroicError]:
        """Write what was planned; what became of it, by episode."""
        writing = [one for one in planned if one.events]
        tenant, correlation_id, traceparent = (
            call.options.tenant,
            call.correlation_id,
            call.traceparent,
        )
        writes = [one.write(tenant, correlation_id, traceparent) for one in writing]
        try:
            done = await self._store.write_many(writes)
        except HeroicError as error:
            return {one.known.episode.id: error for one in writing}
        return {one.known.episode.id: outcome for one, outcome in zip(writing, done, strict=True)}
