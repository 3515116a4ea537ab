"""The assessor's consumer: what was said leads to what the rules say of it."""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.outcomes import definitions, rows
from services.outcomes.definitions import News, Waiting, lacking, look_up
from services.outcomes.domain.assessing import Derived, Speech, speak
from services.outcomes.domain.assessor_state import AssessorState, pack, unpack
from services.outcomes.domain.standards import Standards
from services.outcomes.domain.touched import Touched, take_in
from services.outcomes.library import Library
from services.outcomes.opening import open_batch
from services.outcomes.projector import group
from services.outcomes.rows import ClientKey, Packed
from shared.consuming.records import Incoming, Plan
from shared.contracts import Event, Recorded
from shared.eventstore import Append, NewEvent, Write
from shared.measures import RuleSet
from shared.privacy import Keyring, leave_sealed
from shared.telemetry import current_traceparent, valid_traceparent

GROUP = "outcomes.assessor"


class Assessor:
    """The handler of the group `outcomes.assessor`. `rules` is the default rule set."""

    def __init__(self, keyring: Keyring, rules: RuleSet) -> None:
        self._keyring = keyring
        self._library = Library(keyring, rules)

    async def prepare(self, conn: AsyncConnection, events: Sequence[Incoming]) -> Plan:
        """Evaluate the rules for what the batch changed."""
        opened = await open_batch(events, self._keyring)
        news = await look_up(conn, GROUP, events, self._library, self._keyring)
        by_client = group(opened)
        clients = sorted({*by_client, *news.clients})
        stored = await rows.load_assessor(conn, clients)
        states: dict[ClientKey, Packed] = {}
        writes: list[Write] = []
        for key in clients:
            before = stored.get(key)
            state = unpack(before.state) if before else AssessorState()
            hearing = Hearing(key, news.standards[key[0]])
            for one in by_client.get(key, ()):
                hearing.hear(state, one.event)
            if key in news.clients:
                hearing.doubt(state, cause_in(events, key[0]))
            writes += hearing.writes(state)
            states[key] = Packed(before.row_version + 1 if before else 1, pack(state))
        waiting = lacking(opened, news.standards)
        said = await without_erased(writes, self._keyring)
        return AssessorPlan(said, states, news, waiting)


async def without_erased(writes: Sequence[Write], keyring: Keyring) -> list[Write]:
    """Those that are not about somebody whose key is gone: nothing more can be said of them."""
    refs = {(write.tenant, append.secret_of) for write in writes for append in write.appends}
    ciphers: Mapping[ClientKey, object] = await keyring.load(refs) if refs else {}
    return [
        write for write in writes if ciphers[write.tenant, write.appends[0].secret_of] is not None
    ]


class AssessorPlan(Plan):
    """The derived events, and what the assessor remembers from now on."""

    def __init__(
        self,
        writes: Sequence[Write],
        states: Mapping[ClientKey, Packed],
        news: News,
        waiting: Sequence[Waiting],
    ) -> None:
        self.writes = writes
        self._states = states
        self._news = news
        self._waiting = waiting

    async def apply(self, conn: AsyncConnection) -> None:
        """Remember."""
        if self._states:
            await rows.save_assessor(conn, self._states)
        await definitions.write(conn, GROUP, self._news.arrived, self._waiting, self._news.done)


class Hearing:
    """What a batch says of one client, and what is to be said of it."""

    def __init__(self, key: ClientKey, standards: Standards) -> None:
        self._key = key
        self._standards = standards
        self._touched: dict[str, Touched] = {}
        self._causes: dict[str, Recorded[Event]] = {}

    def hear(self, state: AssessorState, event: Recorded[Event]) -> None:
        """Fold one event into `state`, in place."""
        take_in(state, event, self._touched)
        self._causes[event.id] = event

    def doubt(self, state: AssessorState, cause: Recorded[Event]) -> None:
        """All that was said may be said otherwise, because of `cause`."""
        self._causes.setdefault(cause.id, cause)
        for episode_id in state.client.said:
            mark = self._touched.setdefault(episode_id, Touched(cause.id))
            mark.only_appended = False

    def writes(self, state: AssessorState) -> list[Write]:
        """One write an episode that has news; `state` remembers it as said. It belongs to the
        trace of its last cause."""
        found = []
        for episode_id, mark in self._touched.items():
            before = state.courses[episode_id].version if episode_id in state.courses else 0
            derived = speak(state, Speech(self._key[1], episode_id, mark, self._standards))
            if derived:
                last = self._causes[derived[-1].cause_id]
                by = last.correlation_id, trace_of(last)
                found.append(write(self._key, episode_id, before, derived, *by))
        return found


def cause_in(events: Sequence[Incoming], tenant: str) -> Recorded[Event]:
    """The first event of a batch that is of this organisation."""
    return next(leave_sealed(one.envelope) for one in events if one.envelope.tenant == tenant)


def write(
    key: ClientKey,
    episode_id: str,
    expected: int,
    derived: Sequence[Derived],
    correlation_id: str,
    traceparent: str | None,
) -> Write:
    """The append to an episode's assessment stream."""
    tenant, client_id = key
    append = Append(
        tenant=tenant,
        stream=f"assessment-{episode_id}",
        expected=expected,
        events=[NewEvent(id=one.id, data=one.data, causation_id=one.cause_id) for one in derived],
        subject=client_id,
        secret_of=client_id,
    )
    return Write(
        tenant=tenant, appends=[append], correlation_id=correlation_id, traceparent=traceparent
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
