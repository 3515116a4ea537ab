"""Each event as a JSON Schema: its `data` on the wire, and what is inside its sealed part."""

import inspect
import json
from pathlib import Path
from typing import Any

import msgspec

from shared.contracts.contract import Contract
from shared.contracts.envelope import schema_uri
from shared.contracts.events import Event

Schema = dict[str, Any]

FOLDER = Path(__file__).with_name("schemas")
"""Where the exported schemas are committed, one file a type and version."""

PRIVATE = "x-private"
"""The keyword that says what the ciphertext in `private` holds once opened."""


def file_name(event_type: str, version: int) -> str:
    """`<type>.v<version>.json`."""
    return f"{event_type}.v{version}.json"


def schema_of(contract: Contract[Event]) -> Schema:
    """The schema of the event's present version."""
    kinds = [contract.wire, *([contract.private] if contract.private else [])]
    references, defs = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    name = contract.event.__name__
    body = defs.pop(name)
    if contract.private is None:
        # Every wire Struct can hold a sealed part; this event never has one.
        del body["properties"]["private"]
        defs.pop("Sealed")
    for part in (body, *defs.values()):
        part["description"] = inspect.cleandoc(part["description"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": schema_uri(contract.type, contract.version),
        **body,
        **({PRIVATE: references[1]} if contract.private else {}),
        **({"$defs": dict(sorted(defs.items()))} if defs else {}),
    }


def schema_text(contract: Contract[Event]) -> str:
    """`schema_of` as the text of its file."""
    return json.dumps(schema_of(contract), indent=2, ensure_ascii=False) + "\n"


def committed(folder: Path = FOLDER) -> dict[tuple[str, int], Schema]:
    """The committed schemas by type and version."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        event_type, _, version = path.name.removesuffix(".json").rpartition(".v")
        found[event_type, int(version)] = json.loads(path.read_text("utf-8"))
    return found
