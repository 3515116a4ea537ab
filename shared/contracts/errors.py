"""What is wrong with a message that no retry will make readable."""

import re

import msgspec

from shared.contracts.envelope import RawEnvelope
from shared.errors import Permanent

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""All that msgspec raises for bytes that it does not accept (its ValidationError included)."""


class BrokenContract(Permanent):
    """The bytes are no event of ours; `envelope` is what could be read of the envelope."""

    code, title = "broken_contract", "Not an event that this contract knows"

    def __init__(self, detail: str, *, envelope: RawEnvelope | None = None) -> None:
        super().__init__(detail)
        self.envelope = envelope


class UnknownType(Permanent):
    """A sound envelope around an event (or a schema version) that this code does not know yet."""

    code, title = "unknown_type", "Event type or schema version not known here"

    def __init__(self, envelope: RawEnvelope) -> None:
        super().__init__(f"unknown: schema version {envelope.schemaversion} of this type")
        self.envelope = envelope


def reason(error: Exception) -> str:
    """What `error` says is wrong and where, without any value of the message itself."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    text = str(error)
    # "Invalid enum value 'her words' - at `$.data.state`": the value must not reach a log, and
    # nor may `error` itself, as a cause of what is raised.
    head, *value = re.split("['\"]", text, maxsplit=1)
    where = re.search(r" - at `[^`]*`$", text) if value else None
    return head.rstrip() + (where.group() if where else "")
