"""A plain rating is read faster than the model of the API reads it, and means the same."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.feedback.api.lines import Said, parse, parse_plain, parse_strictly, references
from services.feedback.domain.episode import Reference
from shared.errors import HeroicError

EPISODE = "01890a5d-ac96-774b-bcce-b302099a8057"
PLAIN = {
    "episode_id": EPISODE,
    "measure": "ors",
    "occurred_at": "2026-01-31T09:30:00Z",
    "items": {"1": 2.3, "2": 4, "3": 5.5, "4": 10},
}


def line(**changes: object) -> bytes:
    return json.dumps({**PLAIN, **changes}, ensure_ascii=False).encode()


def slowly(raw: bytes) -> Said | str:
    """What the model of the API makes of it: the rating, or the code of the refusal."""
    try:
        return parse_strictly(raw)
    except HeroicError as error:
        return error.code


def quickly(raw: bytes) -> Said | str:
    """What the calls make of it."""
    try:
        return parse(raw)
    except HeroicError as error:
        return error.code


USUAL = [
    line(),
    line(total=17.6, items=None),
    line(external_id="r-1", session_id=EPISODE, mode="paper", language="en", note="Zoë says hi"),
    line(rater={"kind": "caretaker", "id": EPISODE}),
    line(episode_id=None, episode_external_id="e-1"),
    line(occurred_at="2026-01-31T09:30:00.123456Z"),
    json.dumps(PLAIN, indent=2).encode(),
    line().replace(b'":', b'"\n\t :\r\n'),
]
UNUSUAL = [
    line(note="a\\b"),
    line(note='she said: "no": twice'),
    line(note="x" * 5_000),
    line(note="\u2028"),
    line(occurred_at="2026-01-31T09:30:00+02:00"),
    line(occurred_at="2026-01-31 09:30Z"),
    line(occurred_at="2026-01-31T09:30:00.1234567Z"),
    line(language="pt-BR"),
    line(total=1e1, items=None),
    b' { "measure" : "ors", "occurred_at":"2026-01-31T09:30:00Z",\t"total":20 ,"episode_id":"%b"}'
    % EPISODE.encode(),
]
BAD = [
    b"",
    b"null",
    b"[]",
    b"{",
    b"\xff\xfe",
    b"[" * 100_000,
    line(rater={"kind": "caretaker", "id": "mum"}),
    line(items={"1": "36"}),
    line(items={"1": True}),
    line(total=True, items=None),
    line(total=17.65, items=None),
    line(total=float("nan"), items=None),
    line(total=float("inf"), items=None),
    line(items={"x" * 41: 1}),
    line(items={str(n): 1 for n in range(300)}),
    line().replace(b"2.3", b"1e309"),
    line().replace(b'"measure"', b'"measure": "srs", "measure"'),
    line().replace(b'"1": 2.3', b'"1": 2.3, "1": 9.9'),
    line().replace(b'"measure":', b'"measure": "srs", "measure"\n:'),
    line(rater={"kind": "self"}).replace(b'"kind"', b'"kind": "self", "kind"'),
    line(rater=None),
    line(rater={"kind": "nobody"}),
    line(mode=None),
    line(surprise=1),
    line(note="\0"),
    line().replace(b'"ors"', b'"\\ud800"'),
    line().replace(b'"ors"', b'"o\x00rs"'),
    line().replace(b'"ors"', b'"\xed\xa0\x80"'),
    line(measure=""),
    line(measure="x" * 201),
    line(language="english please"),
    line(occurred_at="2026-01-31T09:30:00"),
    line(occurred_at="2026-02-30T09:30:00Z"),
    line(occurred_at="1026-01-31T09:30:00Z"),
    line(occurred_at="2026-W05-6T09:30:00Z"),
    line(occurred_at=1_700_000_000),
    line(occurred_at=None),
    line(episode_id=EPISODE.upper()),
    line(episode_id="../../etc/passwd"),
    line(episode_id=None),
    line(episode_external_id="e-1"),
    line(external_id=""),
    line(session_id="1"),
]


@pytest.mark.parametrize("raw", USUAL)
def test_usual_lines_take_the_fast_way_and_mean_the_same(raw: bytes) -> None:
    assert parse_plain(raw) == slowly(raw)


@pytest.mark.parametrize("raw", UNUSUAL)
def test_unusual_lines_mean_the_same(raw: bytes) -> None:
    assert isinstance(quickly(raw), Said)
    assert quickly(raw) == slowly(raw)


@pytest.mark.parametrize("raw", BAD, ids=range(len(BAD)))
def test_bad_lines_are_refused_alike(raw: bytes) -> None:
    assert isinstance(quickly(raw), str)
    assert quickly(raw) == slowly(raw)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
times = st.sampled_from(["2026-01-31T09:30:00Z", "2026-01-31T09:30:00.5Z", "2026-13-31T09:30:00Z"])
raters = st.fixed_dictionaries({"kind": st.just("self")}, optional={"id": scalars})
bodies = st.fixed_dictionaries(
    {"measure": st.just("ors") | scalars, "occurred_at": times | scalars},
    optional={
        "episode_id": st.just(EPISODE) | scalars,
        "episode_external_id": st.text(max_size=3) | scalars,
        "external_id": scalars,
        "session_id": st.just(EPISODE) | scalars,
        "items": st.dictionaries(st.text(max_size=3), st.integers(0, 10) | scalars) | scalars,
        "total": st.integers(0, 400).map(lambda tenths: tenths / 10) | scalars,
        "rater": st.fixed_dictionaries({"kind": st.just("self")}, optional={"id": scalars})
        | scalars,
        "mode": st.just("paper") | scalars,
        "language": st.just("de") | scalars,
        "note": scalars,
        "other": scalars,
    },
)


@given(bodies, st.booleans())
def test_any_line_is_taken_or_refused_as_the_model_of_the_api_would(
    document: dict[str, object], ascii_only: bool
) -> None:
    raw = json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert quickly(raw) == slowly(raw)


def test_the_episodes_that_lines_name_are_found_once_each_whatever_else_is_in_them() -> None:
    lines = [
        (1, line()),
        (2, line(total="bad")),
        (3, line(episode_id=None, episode_external_id="e-1")),
        (4, b"no JSON"),
        (5, line(episode_external_id="e-1")),
    ]
    assert references(lines) == [Reference(id=EPISODE), Reference(external_id="e-1")]
