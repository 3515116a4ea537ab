"""The store against a dictionary: whatever is tried in whatever order, both say the same."""

from collections import defaultdict

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.eventstore import Claim, Claimed, Head, Write, Written, WrongVersion
from shared.ids import new_id
from tests.support.eventstore import Home

NAMES = ("a", "b", "c")


class Try(msgspec.Struct, frozen=True):
    """One write: versions that are guessed for some streams, claims, claims given up."""

    expected: dict[str, int]
    count: int
    claims: frozenset[str]
    release: frozenset[str]


tries = st.builds(
    Try,
    expected=st.dictionaries(st.sampled_from(NAMES), st.integers(0, 4), min_size=1),
    count=st.integers(1, 3),
    claims=st.frozensets(st.sampled_from(NAMES)),
    release=st.frozensets(st.sampled_from(NAMES)),
)


class Model:
    """What the store should do, in a dictionary."""

    def __init__(self) -> None:
        self.versions: dict[str, int] = defaultdict(int)
        self.claims: set[str] = set()

    def take(self, one: Try) -> type[Exception] | None:
        """Apply `one`; the error where nothing of it is written."""
        errors: set[type[Exception]] = set()
        if any(self.versions[name] != version for name, version in one.expected.items()):
            errors.add(WrongVersion)
        if one.claims & self.claims:
            errors.add(Claimed)
        if errors:
            # Heads go in the order of their names, and claims come first.
            return Claimed if Claimed in errors else WrongVersion
        for name in one.expected:
            self.versions[name] += one.count
        self.claims = (self.claims | one.claims) - (one.release - one.claims)
        return None


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(tries, max_size=8))
async def test_the_store_does_what_a_dictionary_would(home: Home, attempts: list[Try]) -> None:
    run, model = new_id(), Model()

    def claim(name: str) -> Claim:
        stream = f"claim-{run}-{name}"
        return Claim(tenant=home.tenant, stream=stream, ref=name, subject=home.client)

    def write(one: Try) -> Write:
        return Write(
            tenant=home.tenant,
            appends=[
                home.ratings(f"feedback-{run}-{name}", expected=version, count=one.count)
                for name, version in one.expected.items()
            ],
            claims=[claim(name) for name in one.claims],
            release=[claim(name).stream for name in one.release - one.claims],
        )

    for one in attempts:
        [result] = await home.store.write_many([write(one)])
        error = model.take(one)
        assert isinstance(result, error or Written)

    streams = {f"feedback-{run}-{name}": name for name in NAMES}
    found = await home.store.read_many(home.tenant, list(streams))
    for stream, events in found.items():
        count = model.versions[streams[stream]]
        assert [event.version for event in events] == list(range(1, count + 1))
    heads = await home.store.heads(home.tenant, [claim(name).stream for name in NAMES])
    assert heads == {
        claim(name).stream: Head(0, name, home.client) for name in sorted(model.claims)
    }
