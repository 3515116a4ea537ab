"""What is to become of each record of a batch: decided by (stream, version) alone, before anything
is written. Pure."""

from collections.abc import Mapping, Sequence, Set
from typing import NamedTuple

import msgspec

from shared.consuming.records import UNREADABLE_RECORD, Broken, Incoming, Record
from shared.contracts.envelope import Header
from shared.ids import derived_id

HELD, GAP, FORK = "held", "gap", "fork"

ERASED = "erased"
"""The reason of the hold on somebody who is erased: nothing of theirs waits, nothing is applied."""

# More failures than this in a row stop the consumer. Each event that is applied takes nine off,
# so that it also stops when more than nine in ten fail for long.
FAILING_LIMIT = 50
APPLIED_TAKES_OFF = 9

Key = tuple[str, str]
"""(tenant, stream) or (tenant, holder)."""


class Head(NamedTuple):
    """The last event of a stream that a group applied."""

    version: int
    id: str


class Hold(NamedTuple):
    """Why somebody's events wait: the reason of the first one that was parked, and its stream."""

    reason: str
    stream: str


class Reason(NamedTuple):
    """Why an event cannot be processed; `detail` never carries a client's words."""

    code: str
    detail: str
    tries: int = 1


class Parked(msgspec.Struct):
    """A record that waits. Where nothing could be read of it, it is known by its place alone."""

    record: Record
    reason: Reason
    tenant: str
    event_id: str
    holder: str


class Sorted(msgspec.Struct):
    """`taken` records, counted from the first, are decided; the rest is for another time.

    `heads` are those of the streams that move on; `healed` whose gap is filled; `gap` the record
    before which something is missing; `stop` says that too much fails.
    """

    taken: int = 0
    applicable: list[Incoming] = []
    parked: list[Parked] = []
    heads: dict[Key, Head] = {}
    healed: list[Key] = []
    gap: Record | None = None
    failing: int = 0
    stop: bool = False


NEW = Head(0, "")


def holder_of(header: Header) -> str:
    """Whose events wait together: the client, or the stream where the key is an organisation."""
    return header.stream if header.subject == header.tenant else header.subject


def record_id(record: Record) -> str:
    """The name of a record that has none of its own."""
    return derived_id("record", record.topic, str(record.partition), str(record.offset))


def park(record: Record, reason: Reason) -> Parked:
    """`record` as it will wait."""
    header = record.envelope
    if header is None:
        name = record_id(record)
        return Parked(record, reason, "", name, name)
    return Parked(record, reason, header.tenant, header.id, holder_of(header))


class Sorter:
    """Sorts the records of one partition, in their order.

    `heads` are the last versions applied, `held` who is held back, `condemned` the events that
    the handler cannot process, `reread_until` the offset below which gaps have been re-read
    already (None: do not re-read), `failing` the count of failures so far, `passed` the forks that
    an operator discarded.
    """

    def __init__(
        self,
        heads: Mapping[Key, Head],
        held: Mapping[Key, Hold],
        condemned: Mapping[str, Reason],
        *,
        reread_until: int | None,
        failing: int,
        passed: Set[str] = frozenset(),
    ) -> None:
        self._heads = dict(heads)
        self._held = dict(held)
        self._condemned = condemned
        self._reread_until = reread_until
        self._passed = passed
        self._result = Sorted(failing=failing)

    def sort(self, records: Sequence[Record]) -> Sorted:
        """Decide each record; stops early at a gap to be re-read, or when too much fails."""
        result = self._result
        for record in records:
            if result.failing > FAILING_LIMIT:
                result.stop = True
                break
            self._decide(record)
            if result.gap is not None:
                break
            result.taken += 1
        return result

    def _decide(self, record: Record) -> None:
        header = record.envelope
        if header is None:
            self._park(record, Reason(UNREADABLE_RECORD, _detail(record)))
            return
        key = (header.tenant, header.stream)
        head = self._heads.get(key, NEW)
        version = header.streamversion
        if version < head.version or (version == head.version and header.id == head.id):
            return
        hold = self._held.get((header.tenant, holder_of(header))) if self._held else None
        if hold is not None and hold.reason == ERASED:
            self._pass_over(header, key, head)
            return
        if version == head.version:
            if header.id in self._passed:
                return
            self._park(record, Reason(FORK, f"version {version} is there under another id"))
            return
        # What was missing has come: it fills the gap, and those that waited for it follow.
        fills = hold == Hold(GAP, header.stream) and version == head.version + 1
        if hold is not None and not fills:
            self._park(record, Reason(HELD, f"behind an event that is parked: {hold.reason}"))
        elif isinstance(record, Broken):
            self._park(record, Reason(record.reason, record.detail))
        elif version > head.version + 1:
            self._gap(record, head)
        elif header.id in self._condemned:
            self._park(record, self._condemned[header.id])
        else:
            self._apply(record, key)
            if fills:
                self._result.healed.append((header.tenant, holder_of(header)))

    def _apply(self, record: Incoming, key: Key) -> None:
        result = self._result
        head = Head(record.envelope.streamversion, record.envelope.id)
        self._heads[key] = result.heads[key] = head
        result.applicable.append(record)
        if result.failing:
            result.failing = max(0, result.failing - APPLIED_TAKES_OFF)

    def _pass_over(self, header: Header, key: Key, head: Head) -> None:
        """Of somebody who is erased: it has come, whatever is wrong with it or missing before."""
        if header.streamversion > head.version:
            head = Head(header.streamversion, header.id)
            self._heads[key] = self._result.heads[key] = head

    def _gap(self, record: Incoming, head: Head) -> None:
        if self._reread_until is not None and record.offset >= self._reread_until:
            self._result.gap = record
        else:
            missing = f"version {record.envelope.streamversion} after {head.version}"
            self._park(record, Reason(GAP, missing))

    def _park(self, record: Record, reason: Reason) -> None:
        parked = park(record, reason)
        self._result.parked.append(parked)
        if reason.code == HELD:
            return
        self._result.failing += 1
        if record.envelope is not None:
            hold = Hold(reason.code, record.envelope.stream)
            self._held.setdefault((parked.tenant, parked.holder), hold)


def sort_alone(
    records: Sequence[Record],
    seen: Set[Key],
    condemned: Mapping[str, Reason],
    *,
    failing: int,
    only: Set[str] = frozenset(),
) -> Sorted:
    """The same for a group that takes each event by itself, once by its id: no order, no gaps,
    and nothing waits behind anything. `seen` are (tenant, event id); of `only` types, if given, it
    takes anything at all."""
    result = Sorted(failing=failing)
    met = set(seen)
    for record in records:
        if result.failing > FAILING_LIMIT:
            result.stop = True
            break
        result.taken += 1
        header = record.envelope
        if only and type_of(record) not in only:
            continue
        if header is not None:
            if (header.tenant, header.id) in met:
                continue
            met.add((header.tenant, header.id))
        if isinstance(record, Broken):
            reason = Reason(record.reason, record.detail)
        elif record.envelope.id in condemned:
            reason = condemned[record.envelope.id]
        else:
            result.applicable.append(record)
            result.failing = max(0, result.failing - APPLIED_TAKES_OFF)
            continue
        result.parked.append(park(record, reason))
        result.failing += 1
    return result


def type_of(record: Record) -> str | None:
    """The type of an event, as far as it can be read."""
    if isinstance(record, Broken):
        return record.envelope.type if record.envelope else None
    return record.envelope.event_type


def _detail(record: Record) -> str:
    return record.detail if isinstance(record, Broken) else ""
