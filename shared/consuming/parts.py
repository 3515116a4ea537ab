"""The parts of a batch, one a partition: what is known of its streams, and what becomes of it."""

from collections.abc import Mapping, Sequence, Set
from typing import NamedTuple

import asyncpg

from shared.consuming.records import Record
from shared.consuming.sorting import FORK, Head, Hold, Key, Reason, Sorted, Sorter, sort_alone
from shared.consuming.state import (
    Moved,
    Position,
    load_heads,
    load_holds,
    load_passed,
    load_seen,
)


class Part(NamedTuple):
    """Records of one partition, in its order, and where the group stands there."""

    position: Position
    records: Sequence[Record]

    @property
    def streams(self) -> set[Key]:
        """The streams that its records belong to."""
        return {(r.envelope.tenant, r.envelope.stream) for r in self.records if r.envelope}

    def moved(self, result: Sorted) -> Moved:
        """The checkpoint once `result` is written."""
        if result.gap is not None:
            return Moved(0, result.gap.offset + 1, result.failing)
        known, reread_until = self.position.next_offset, self.position.reread_until
        next_offset = self.records[result.taken - 1].offset + 1 if result.taken else known
        return Moved(next_offset, reread_until, result.failing)


async def sort_in_order(
    conn: asyncpg.Connection,
    parts: Sequence[Part],
    condemned: Mapping[str, Reason],
    tenants: Sequence[str],
    *,
    reread: bool,
    tombstones: bool = False,
) -> list[Sorted]:
    """What is to become of the records of each part, by the versions of their streams; with
    `tombstones`, nothing of who is erased."""
    group = parts[0].position.group
    clients = {r.envelope.subject for part in parts for r in part.records if r.envelope}
    held = await load_holds(conn, group, tenants, clients if tombstones else None)
    heads = await heads_known(conn, parts)

    def sort(passed: Set[str]) -> list[Sorted]:
        return [
            sorter(part, heads, held, condemned, reread=reread, passed=passed).sort(part.records)
            for part in parts
        ]

    results = sort(frozenset())
    forks = [p.event_id for r in results for p in r.parked if p.reason.code == FORK]
    if forks and (passed := await load_passed(conn, group, tenants, forks)):
        results = sort(passed)
    return results


async def sort_by_themselves(
    conn: asyncpg.Connection,
    parts: Sequence[Part],
    condemned: Mapping[str, Reason],
    tenants: Sequence[str],
    *,
    tombstones: bool = False,
    only: Set[str] = frozenset(),
) -> list[Sorted]:
    """The same for a group that takes each event by itself, once by its id, or `only` some."""
    events = [r.envelope for part in parts for r in part.records if r.envelope]
    group = parts[0].position.group
    seen = await load_seen(conn, group, tenants, events, tombstones=tombstones)
    return [
        sort_alone(part.records, seen, condemned, failing=part.position.failing, only=only)
        for part in parts
    ]


async def heads_known(conn: asyncpg.Connection, parts: Sequence[Part]) -> dict[Key, Head]:
    """The heads of the streams in `parts`; those that their positions do not remember are read."""
    heads: dict[Key, Head] = {}
    for part in parts:
        remembered = part.position.heads
        heads |= {key: head for key in part.streams if (head := remembered.get(key))}
    unknown = set().union(*(part.streams for part in parts)) - heads.keys()
    if unknown:
        heads |= await load_heads(conn, parts[0].position.group, unknown)
        for part in parts:
            part.position.remember({key: heads[key] for key in part.streams})
    return heads


def sorter(
    part: Part,
    heads: Mapping[Key, Head],
    held: Mapping[Key, Hold],
    condemned: Mapping[str, Reason],
    *,
    reread: bool,
    passed: Set[str],
) -> Sorter:
    """What sorts the records of `part`."""
    return Sorter(
        heads,
        held,
        condemned,
        reread_until=part.position.reread_until if reread else None,
        failing=part.position.failing,
        passed=passed,
    )


def clash(results: Sequence[Sorted]) -> bool:
    """Whether the parts cannot share a transaction: one would not be taken whole, or a stream is
    in two of them (somebody has written to the topic by other keys)."""
    streams = [key for result in results for key in result.heads]
    whole = all(result.gap is None and not result.stop for result in results)
    return not whole or len(streams) > len(set(streams))
