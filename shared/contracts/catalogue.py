"""The events that are known, and the reading of messages: one pass of msgspec for each."""

import re
from collections.abc import Callable, Iterable
from typing import Any, Union, cast

import msgspec

from shared.contracts.contract import Contract
from shared.contracts.envelope import Envelope, RawEnvelope, Wire
from shared.contracts.errors import UNREADABLE, BrokenContract, UnknownType, reason
from shared.contracts.events import Event, Private
from shared.contracts.upcasters import Fields, Upcaster, Upcasters

_raw_decoder = msgspec.json.Decoder(RawEnvelope)
_is_uuid = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}").fullmatch
_is_position = re.compile(r"[0-9]{1,18}").fullmatch


class Catalogue:
    """Reads messages and stored events of the given types, old schema versions included."""

    def __init__(self, events: Iterable[type[Event]], upcasters: Upcasters) -> None:
        self.contracts: dict[str, Contract[Event]] = {e.type: Contract(e) for e in events}
        self.upcasters = upcasters
        self._versions = {name: c.version for name, c in self.contracts.items()}
        union: Any = Union[tuple(c.envelope for c in self.contracts.values())]  # noqa: UP007
        decoder: msgspec.json.Decoder[Envelope] = msgspec.json.Decoder(union)
        self._decode = decoder.decode

    def decode(self, raw: bytes) -> Envelope:
        """The message as an envelope, its private part still sealed.

        Raises BrokenContract for what is no event of ours and UnknownType for what a newer
        program wrote; both are Permanent and never repeat what the message says.
        """
        wrong = ""
        try:
            envelope = self._decode(raw)
            if envelope.schemaversion == self._versions[envelope.event_type]:
                _check(envelope, raw)
                return envelope
        except UNREADABLE as error:
            wrong = reason(error)
        return self._decode_old(raw, wrong)

    def decode_data(self, event_type: str, schema_version: int, data: bytes) -> Wire:
        """The stored `data` of an event; raises BrokenContract."""
        contract = self.contracts.get(event_type)
        if contract is None or schema_version > contract.version:
            raise BrokenContract(f"unknown schema version {schema_version} of this type")
        _refuse_nul(data)
        try:
            if schema_version == contract.version:
                return contract.wire_decoder.decode(data)
            fields = self._raised(contract, schema_version, msgspec.json.decode(data), "clear")
            return msgspec.convert(fields, contract.wire)
        except UNREADABLE as error:
            raise BrokenContract(reason(error)) from None

    def decode_private(self, event_type: str, schema_version: int, plaintext: bytes) -> Private:
        """The opened private part of an event; raises BrokenContract."""
        contract = self.contracts[event_type]
        _refuse_nul(plaintext)
        try:
            if schema_version == contract.version:
                return contract.private_decoder.decode(plaintext)
            old = msgspec.json.decode(plaintext)
            fields = self._raised(contract, schema_version, old, "private")
            private: Private = msgspec.convert(fields, contract.private or Private)
            return private
        except UNREADABLE as error:
            raise BrokenContract(f"private part: {reason(error)}") from None

    def _decode_old(self, raw: bytes, wrong: str) -> Envelope:
        """What the one pass did not accept, for the reason `wrong`: an old version, or nothing."""
        try:
            envelope = _raw_decoder.decode(raw)
        except UNREADABLE as broken:
            raise BrokenContract(reason(broken)) from None
        _check(envelope, raw)
        contract = self.contracts.get(envelope.type)
        if contract is None or envelope.schemaversion > contract.version:
            raise UnknownType(envelope)
        if envelope.schemaversion == contract.version:
            raise BrokenContract(wrong, envelope=envelope)
        try:
            data = self.decode_data(envelope.type, envelope.schemaversion, bytes(envelope.data))
        except BrokenContract as broken:
            raise BrokenContract(broken.detail, envelope=envelope) from None
        attributes = msgspec.structs.asdict(envelope) | {"data": data}
        del attributes["type"]
        return contract.envelope(**attributes)

    def _raised(self, contract: Contract[Event], version: int, fields: object, part: str) -> Fields:
        """`fields` of an old version as they would be written today."""
        if not isinstance(fields, dict):
            raise BrokenContract("data is not an object")
        raised = cast("Fields", fields)
        for step in range(version, contract.version):
            upcaster: Upcaster | None = self.upcasters.get((contract.type, step))
            if upcaster is None:
                raise BrokenContract(f"no way from schema version {step} of this type")
            raised = _apply(upcaster.clear if part == "clear" else upcaster.private, raised)
        return raised


def _apply(step: Callable[[Fields], Fields], fields: Fields) -> Fields:
    try:
        return step(fields)
    except (KeyError, TypeError, ValueError, IndexError):
        # An upcaster trusts the old schema; a message that breaks it is no event.
        raise BrokenContract("does not follow its old schema") from None


def _check(envelope: Envelope | RawEnvelope, raw: bytes) -> None:
    """The rules that types do not tell: ids, positions, and no NUL, which PostgreSQL refuses."""
    if not _is_uuid(envelope.id):
        raise BrokenContract("`id` is no UUID")
    if not _is_position(envelope.position):
        raise BrokenContract("`position` is no number")
    _refuse_nul(raw)


def _refuse_nul(raw: bytes) -> None:
    # Without the escaped backslashes, what still reads as an escaped NUL is one.
    if b"\\u0000" in raw and b"\\u0000" in raw.replace(rb"\\", b""):
        raise BrokenContract("contains NUL")
