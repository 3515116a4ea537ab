"""The golden files: messages as they were once sent, which every later version must still read.

`python -m tests.contract.golden_files` writes those that are missing; none is ever written anew.
"""

from pathlib import Path

from shared.contracts import Event, envelope_bytes
from shared.privacy import SubjectCipher, seal
from tests.contract.examples import CLIENT, EXAMPLES, LATER, TENANT, example_id

FOLDER = Path(__file__).with_name("golden")
KEY = bytes(range(32))
EVENT_ID, STREAM = example_id(100), "stream-of-the-golden-files"
CIPHERS = {(TENANT, CLIENT): SubjectCipher(CLIENT, KEY)}


def path_of(event_type: str, version: int) -> Path:
    """Where the message of a type and schema version lies."""
    return FOLDER / f"{event_type}.v{version}.json"


def message(event: Event) -> bytes:
    """`event` as it travels today."""
    data = seal(event, CIPHERS[TENANT, CLIENT], tenant=TENANT, stream=STREAM, event_id=EVENT_ID)
    return envelope_bytes(
        event_type=event.type,
        event_id=EVENT_ID,
        subject=CLIENT,
        recorded_at=LATER,
        tenant=TENANT,
        stream=STREAM,
        version=7,
        epoch=1,
        position=2**40,
        schema_version=event.version,
        correlation_id=example_id(101),
        causation_id=example_id(102),
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        data=data,
    )


def write_missing() -> None:
    """Make the golden files of new events and versions."""
    FOLDER.mkdir(exist_ok=True)
    for (event_type, version), event in EXAMPLES.items():
        path = path_of(event_type, version)
        if not path.exists() and event.version == version:
            path.write_bytes(message(event) + b"\n")


if __name__ == "__main__":
    write_missing()
