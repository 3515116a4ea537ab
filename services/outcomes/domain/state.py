"""The state of one client, as a projection keeps it: small Structs that pack into one row.

Each part is written by the events of one stream alone (`Care` by `episode-<id>`, `Said` by
`feedback-<id>`, `Assessed` by `assessment-<id>`), so the state is the same whatever the
interleaving of streams. Scores are integer tenths. There are no names and no words in it: a note
is the version of the event that carries it, to be opened from the journal when somebody asks.
"""

from datetime import datetime

import msgspec

from shared.contracts.feedback import RaterKind, RiskFlag
from shared.contracts.intake import AgeGroup, Ending, MeasuringState, SessionStatus, SessionType
from shared.contracts.outcomes import Severity, SignalKind, Verdict
from shared.ids import derived_id


class Packed(msgspec.Struct, array_like=True):
    """Base of what is packed: fields go by place, so new ones are added at the end."""


class Session(Packed):
    """A session as it stands."""

    id: str
    starts_at: datetime
    ends_at: datetime | None
    status: SessionStatus
    type: SessionType
    medium: str | None


class Care(Packed):
    """What intake says of one episode. `opened_at` is None until word of its opening is here."""

    opened_at: datetime | None = None
    age_group: AgeGroup | None = None
    clinician_id: str | None = None
    clinic_id: str | None = None
    closed_at: datetime | None = None
    ending: Ending | None = None
    sessions: list[Session] = []


NO_CARE = Care()
"""Of an episode of which intake's word has not arrived yet."""


class Rating(Packed):
    """A rating as it stands. `version` is that of its submission in the stream: it orders ratings
    of the same time. `note_version` is that of the event whose note counts, 0 without one.
    `session_id` is the session that it is about, where that is known.
    """

    id: str
    version: int
    occurred_at: datetime
    recorded_at: datetime
    definition_version: int
    total: int | None = None
    granular: bool = False
    erased: bool = False
    imported: bool = False
    note_version: int = 0
    corrected_at: datetime | None = None
    flags: list[str] = []
    risk: list[RiskFlag] = []
    session_id: str | None = None


class Series(Packed):
    """The ratings of one measure by one rater in one episode, in clinical order."""

    id: str
    measure: str
    rater_kind: RaterKind
    rater_id: str | None
    ratings: list[Rating] = []


class Declined(Packed):
    """A form that the client would rather not fill in: no score, and not zero."""

    measure: str
    at: datetime
    session_id: str | None


class Said(Packed):
    """What the client said in one episode, series by series in order of first arrival."""

    series: list[Series] = []
    declined: list[Declined] = []


class Signal(Packed):
    """A rule that held for a rating. Inputs are tenths, thresholds exact decimals in points."""

    rule: str
    rule_version: int
    kind: SignalKind
    severity: Severity
    inputs: dict[str, int]
    thresholds: dict[str, str]


def signal_of(verdict: Verdict) -> Signal:
    """What of a verdict that holds is kept."""
    return Signal(
        verdict.rule,
        verdict.rule_version,
        verdict.kind,
        verdict.severity,
        verdict.inputs,
        verdict.thresholds,
    )


class Assessed(Packed):
    """The rules that hold now, by rating id."""

    signals: dict[str, list[Signal]] = {}


class ClientState(Packed):
    """All of one client. `last_recorded_at` is the store's time of the newest event in it, `sex`
    the one for norms, if it is known."""

    registered_at: datetime | None = None
    measuring: MeasuringState = "on"
    last_recorded_at: datetime | None = None
    care: dict[str, Care] = {}
    said: dict[str, Said] = {}
    assessed: dict[str, Assessed] = {}
    sex: str | None = None


def series_id(episode_id: str, measure: str, rater_kind: RaterKind, rater_id: str | None) -> str:
    """The id of the series (episode, measure, rater): the same wherever it is computed."""
    return derived_id("series", episode_id, measure, rater_kind, rater_id or "")


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(ClientState)


def pack(state: ClientState) -> bytes:
    """The state as one value of a row."""
    return _encoder.encode(state)


def unpack(packed: bytes) -> ClientState:
    """The state out of its row."""
    return _decoder.decode(packed)


def canonical(state: ClientState) -> bytes:
    """Bytes that are equal exactly where two states say the same, whatever came first."""
    return msgspec.json.encode(
        ClientState(
            state.registered_at,
            state.measuring,
            state.last_recorded_at,
            dict(sorted(state.care.items())),
            {
                episode: Said(sorted(said.series, key=lambda one: one.id), said.declined)
                for episode, said in sorted(state.said.items())
            },
            {
                episode: Assessed(dict(sorted(assessed.signals.items())))
                for episode, assessed in sorted(state.assessed.items())
            },
            state.sex,
        )
    )
