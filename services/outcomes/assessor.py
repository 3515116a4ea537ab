"""The assessor's consumer: what was said leads to what the rules say of it."""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.outcomes import rows
from services.outcomes.domain.assessing import Derived, Speech, Touched, speak, take_in
from services.outcomes.domain.assessor_state import AssessorState, pack, unpack
from services.outcomes.opening import ClientEvent, open_batch
from services.outcomes.projector import group
from services.outcomes.rows import ClientKey, Packed
from shared.consuming.records import Incoming, Plan
from shared.contracts import Event, Recorded
from shared.eventstore import Append, NewEvent, Write
from shared.measures import RuleSet
from shared.privacy import Keyring
from shared.telemetry import current_traceparent, valid_traceparent


class Assessor:
    """The handler of the group `outcomes.assessor`."""

    def __init__(self, keyring: Keyring, rules: RuleSet) -> None:
        self._keyring = keyring
        self._rules = rules

    async def prepare(self, conn: AsyncConnection, events: Sequence[Incoming]) -> Plan:
        """Evaluate the rules for what the batch changed."""
        by_client = group(await open_batch(events, self._keyring))
        stored = await rows.load_assessor(conn, sorted(by_client))
        states: dict[ClientKey, Packed] = {}
        writes: list[Write] = []
        for key in sorted(by_client):
            before = stored.get(key)
            state = unpack(before.state) if before else AssessorState()
            writes += assess_client(key, state, by_client[key], self._rules)
            states[key] = Packed(before.row_version + 1 if before else 1, pack(state))
        return AssessorPlan(await self._without_erased(writes), states)

    async def _without_erased(self, writes: Sequence[Write]) -> list[Write]:
        """Nothing more can be said about somebody whose key is gone."""
        refs = {(write.tenant, append.secret_of) for write in writes for append in write.appends}
        ciphers: Mapping[ClientKey, object] = await self._keyring.load(refs) if refs else {}
        return [
            write
            for write in writes
            if ciphers[write.tenant, write.appends[0].secret_of] is not None
        ]


class AssessorPlan(Plan):
    """The derived events, and what the assessor remembers from now on."""

    def __init__(self, writes: Sequence[Write], states: Mapping[ClientKey, Packed]) -> None:
        self.writes = writes
        self._states = states

    async def apply(self, conn: AsyncConnection) -> None:
        """Remember."""
        if self._states:
            await rows.save_assessor(conn, self._states)


def assess_client(
    key: ClientKey, state: AssessorState, events: Sequence[ClientEvent], rules: RuleSet
) -> list[Write]:
    """Fold one client's events into `state`, in place; one write an episode that has news. Pure."""
    tenant, client_id = key
    touched: dict[str, Touched] = {}
    for one in events:
        take_in(state, one.event, touched)
    by_id = {one.event.id: one.event for one in events}
    writes = []
    for episode_id, mark in touched.items():
        before = state.courses[episode_id].version if episode_id in state.courses else 0
        derived = speak(state, Speech(client_id, episode_id, mark, rules))
        if derived:
            writes.append(write(tenant, client_id, episode_id, before, derived, by_id))
    return writes


def write(
    tenant: str,
    client_id: str,
    episode_id: str,
    expected: int,
    derived: Sequence[Derived],
    causes: Mapping[str, Recorded[Event]],
) -> Write:
    """The append to an episode's assessment stream; it belongs to the trace of its last cause."""
    last = causes[derived[-1].cause_id]
    append = Append(
        tenant=tenant,
        stream=f"assessment-{episode_id}",
        expected=expected,
        events=[NewEvent(id=one.id, data=one.data, causation_id=one.cause_id) for one in derived],
        subject=client_id,
        secret_of=client_id,
    )
    return Write(
        tenant=tenant,
        appends=[append],
        correlation_id=last.correlation_id,
        traceparent=trace_of(last),
    )


def trace_of(cause: Recorded[Event]) -> str | None:
    """The present span, where it belongs to the trace of `cause` (a batch has many causes)."""
    current, caused = current_traceparent(), valid_traceparent(cause.traceparent)
    if current and caused and trace_id(current) == trace_id(caused):
        return current
    return caused


def trace_id(traceparent: str) -> str:
    """The trace that a W3C traceparent belongs to."""
    return traceparent.split("-")[1]
