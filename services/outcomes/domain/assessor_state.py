"""What the assessor remembers of one client: small Structs that pack into one row."""

import msgspec

from services.outcomes.domain.state import ClientState, Packed
from shared.contracts.intake import AgeGroup
from shared.measures import Series as Tail

DEFAULT = "default"
"""The key of the rule set that ships."""

Context = tuple[AgeGroup | None, str | None, bool]
"""What an assessment depends on beside the series: age group, primary measure, late baseline."""


class Spoken(Packed):
    """What was last said of a rating: in which series, a digest of the assessment, and by which
    rule set. By that one it is judged again (`rules` 0: by the one in force when recorded).
    `is_revised`: it was said by command, of a rating that had been judged before."""

    series: str
    digest: int
    rules: int = 0
    rules_key: str = DEFAULT
    is_revised: bool = False


class Standing(Packed):
    """Where the assessment of a series stands: how many ratings it has taken in, and their tail,
    as this rule set remembers it for this version of the definition."""

    ratings: int
    tail: Tail
    context: Context
    rules: int = 1
    rules_key: str = DEFAULT
    definition: int = 1
    sex: str | None = None


class Course(Packed):
    """What was said of one episode. `version` is that of its assessment stream."""

    version: int = 0
    spoken: dict[str, Spoken] = msgspec.field(default_factory=dict)
    standing: dict[str, Standing] = msgspec.field(default_factory=dict)


class AssessorState(Packed):
    """All that the assessor remembers of one client."""

    client: ClientState = msgspec.field(default_factory=ClientState)
    courses: dict[str, Course] = msgspec.field(default_factory=dict)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(AssessorState)


def pack(state: AssessorState) -> bytes:
    """The state as one value of a row."""
    return _encoder.encode(state)


def unpack(packed: bytes) -> AssessorState:
    """The state out of its row."""
    return _decoder.decode(packed)
