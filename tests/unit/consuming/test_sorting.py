"""What becomes of a record is decided by (stream, version) alone."""

from collections.abc import Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from shared.consuming.records import Incoming, Record, read
from shared.consuming.sorting import (
    ERASED,
    FAILING_LIMIT,
    GAP,
    Head,
    Hold,
    Key,
    Reason,
    Sorted,
    Sorter,
    sort_alone,
)
from shared.contracts import decode
from shared.ids import derived_id
from tests.integration.consuming.home import event

TENANT = derived_id("tenant")
CLIENTS = [derived_id("client", str(number)) for number in range(3)]


def stream_of(client: str) -> str:
    return f"feedback-{client}"


def record(client: str, version: int, *, offset: int = 0, fork: bool = False) -> Record:
    """The event of a client's stream with this version; always the same one unless a fork."""
    raw = event(stream_of(client), version, tenant=TENANT, subject=client)
    name = derived_id(client, str(version), str(fork))
    changed = msgspec.json.encode(msgspec.json.decode(raw) | {"id": name})
    return read("topic", 0, offset, changed, decode)


def garbage(offset: int = 0) -> Record:
    return read("topic", 0, offset, b"\x00", decode)


def sort(
    records: Sequence[Record],
    *,
    heads: dict[Key, Head] | None = None,
    held: dict[Key, Hold] | None = None,
    condemned: dict[str, Reason] | None = None,
    reread_until: int | None = None,
    failing: int = 0,
) -> Sorted:
    sorter = Sorter(
        heads or {}, held or {}, condemned or {}, reread_until=reread_until, failing=failing
    )
    return sorter.sort(records)


def versions(result: Sorted, client: str) -> list[int]:
    mine = [one.envelope for one in result.applicable if one.envelope.subject == client]
    return [one.streamversion for one in mine]


@given(st.lists(st.tuples(st.sampled_from(CLIENTS), st.integers(1, 6)), max_size=60))
def test_whatever_is_delivered_versions_are_applied_from_one_without_gap(
    deliveries: list[tuple[str, int]],
) -> None:
    result = sort([record(client, version) for client, version in deliveries])
    for client in CLIENTS:
        applied = versions(result, client)
        assert applied == list(range(1, len(applied) + 1))


@given(st.lists(st.tuples(st.sampled_from(CLIENTS), st.integers(1, 6)), max_size=60))
def test_everything_is_applied_parked_or_already_there(
    deliveries: list[tuple[str, int]],
) -> None:
    result = sort([record(client, version) for client, version in deliveries])
    applied = {one.envelope.id for one in result.applicable}
    parked = {one.event_id for one in result.parked}
    assert applied | parked == {derived_id(c, str(v), "False") for c, v in deliveries}
    # One may be both: parked, then filled up to and delivered again. A replay follows.
    assert not applied & parked or result.healed


@given(st.lists(st.tuples(st.sampled_from(CLIENTS), st.integers(1, 4)), max_size=30))
def test_sorting_again_what_was_sorted_applies_nothing(deliveries: list[tuple[str, int]]) -> None:
    records = [record(client, version) for client, version in deliveries]
    first = sort(records)
    held = {(p.tenant, p.holder): Hold(p.reason.code, "another stream") for p in first.parked}
    again = sort(records, heads=first.heads, held=held)
    assert again.applicable == []


def test_a_gap_stops_the_batch_so_that_it_can_be_read_again() -> None:
    client = CLIENTS[0]
    records = [
        record(client, 1, offset=5),
        record(client, 3, offset=6),
        record(client, 4, offset=7),
    ]
    result = sort(records, reread_until=0)
    assert versions(result, client) == [1]
    assert result.taken == 1
    assert result.gap is records[1]
    assert result.parked == []


def test_a_gap_that_has_been_read_again_is_parked() -> None:
    client = CLIENTS[0]
    result = sort([record(client, 3, offset=6)], reread_until=7)
    assert [one.reason.code for one in result.parked] == [GAP]


def test_the_missing_event_is_applied_although_its_client_is_held_back() -> None:
    client = CLIENTS[0]
    stream = stream_of(client)
    heads = {(TENANT, stream): Head(1, derived_id(client, "1", "False"))}
    held = {(TENANT, client): Hold(GAP, stream)}
    result = sort([record(client, 2), record(client, 9)], heads=heads, held=held)
    assert versions(result, client) == [2]
    assert result.healed == [(TENANT, client)]
    assert [one.reason.code for one in result.parked] == ["held"]


def test_a_condemned_event_takes_its_client_with_it_and_nobody_else() -> None:
    bad, good = CLIENTS[:2]
    condemned = {derived_id(bad, "1", "False"): Reason("permanent", "")}
    records = [record(bad, 1), record(good, 1), record(bad, 2)]
    result = sort(records, condemned=condemned)
    assert versions(result, good) == [1]
    assert versions(result, bad) == []
    assert [one.reason.code for one in result.parked] == ["permanent", "held"]


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=30))
def test_nothing_of_an_erased_client_is_applied_or_waits(
    deliveries: list[tuple[int, bool]],
) -> None:
    gone, here = CLIENTS[:2]
    records = [record(gone, version, fork=fork) for version, fork in deliveries]
    held = {(TENANT, gone): Hold(ERASED, "")}
    condemned = {one.envelope.id: Reason("permanent", "") for one in records if one.envelope}
    result = sort([*records, record(here, 1)], held=held, condemned=condemned, reread_until=0)
    assert versions(result, gone) == []
    assert versions(result, here) == [1]
    assert (result.parked, result.gap, result.failing) == ([], None, 0)
    assert result.taken == len(records) + 1
    head = result.heads.get((TENANT, stream_of(gone)))
    assert (head.version if head else 0) == max((v for v, _ in deliveries), default=0)


def test_a_group_of_some_types_takes_and_remembers_nothing_else() -> None:
    records = [record(CLIENTS[0], 3), garbage(), record(CLIENTS[1], 1)]
    nothing = sort_alone(records, set(), {}, failing=0, only={"heroic.intake.ClientErased"})
    assert (nothing.taken, nothing.applicable, nothing.parked) == (3, [], [])
    all_ = sort_alone(records, set(), {}, failing=0, only={"heroic.feedback.RatingDeclined"})
    assert [one.envelope.subject for one in all_.applicable] == CLIENTS[:2]


def test_more_than_the_limit_of_failures_in_a_row_stop() -> None:
    records = [garbage(offset) for offset in range(200)]
    result = sort(records)
    assert result.stop
    assert result.taken == len(result.parked) == FAILING_LIMIT + 1
    assert sort(records, failing=result.failing).taken == 0


def test_nine_failures_in_ten_go_on_for_ever_but_no_more() -> None:
    def mixed(bad: int) -> list[Record]:
        good = [record(CLIENTS[0], version) for version in range(1, 101)]
        return [one for each in good for one in (*[garbage()] * bad, each)]

    assert not sort(mixed(9)).stop
    assert sort(mixed(10)).stop


def test_alone_an_event_is_taken_unless_it_was_seen() -> None:
    records = [record(CLIENTS[0], 7), record(CLIENTS[0], 3), record(CLIENTS[0], 7), garbage()]
    seen = {(TENANT, derived_id(CLIENTS[0], "3", "False"))}
    result = sort_alone(records, seen, {}, failing=0)
    assert versions(result, CLIENTS[0]) == [7]
    assert [one.reason.code for one in result.parked] == ["unreadable"]


def test_a_record_is_an_event_only_with_a_whole_envelope() -> None:
    assert isinstance(record(CLIENTS[0], 1), Incoming)
    assert garbage().envelope is None
