"""What was once sent stays readable, and is CloudEvents 1.0 as others understand it."""

import json

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # has no stubs

from shared.contracts import EVENTS, Event, decode
from shared.contracts.schema import committed
from shared.privacy import open_envelope
from tests.contract.examples import EXAMPLES, LATER, TENANT
from tests.contract.golden_files import CIPHERS, EVENT_ID, FOLDER, STREAM, message, path_of

OUR_EXTENSIONS = {"tenant", "stream", "streamversion", "epoch", "position", "schemaversion"}
OUR_EXTENSIONS |= {"correlationid", "causationid", "traceparent"}

every_example = pytest.mark.parametrize(
    ("event_type", "version"), EXAMPLES, ids=[f"{name}.v{version}" for name, version in EXAMPLES]
)


@every_example
def test_a_message_of_the_past_is_read_as_the_event_that_it_was(
    event_type: str, version: int
) -> None:
    raw = path_of(event_type, version).read_bytes()

    recorded = open_envelope(decode(raw), CIPHERS)

    assert recorded.data == EXAMPLES[event_type, version]
    assert (recorded.id, recorded.tenant, recorded.stream) == (EVENT_ID, TENANT, STREAM)
    assert (recorded.version, recorded.epoch, recorded.position) == (7, 1, 2**40)
    assert recorded.recorded_at == LATER


@every_example
def test_a_message_of_the_past_says_what_its_committed_schema_allows(
    event_type: str, version: int
) -> None:
    schema = committed()[event_type, version]
    data = json.loads(path_of(event_type, version).read_bytes())["data"]

    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(data)


@every_example
def test_cloudevents_accepts_the_message(event_type: str, version: int) -> None:
    read = JSONFormat().read(CloudEvent, path_of(event_type, version).read_bytes())

    assert read.get_type() == event_type
    assert read.get_id() == EVENT_ID
    assert read.get_source() == f"/heroic/{event_type.split('.')[1]}"
    assert read.get_time() == LATER
    assert all(read.get_extension(name) is not None for name in OUR_EXTENSIONS)
    # The integers of CloudEvents end at 32 bits: what may be larger is text.
    assert read.get_extension("position") == str(2**40)


@pytest.mark.parametrize("event", EXAMPLES.values(), ids=lambda event: type(event).__name__)
def test_an_example_of_today_travels_there_and_back(event: Event) -> None:
    assert open_envelope(decode(message(event)), CIPHERS).data == event


def test_every_event_and_version_has_its_golden_file_and_its_schema() -> None:
    names = {path.name for path in FOLDER.glob("*.json")}

    assert {event_type for event_type, _ in EXAMPLES} == EVENTS.keys()
    assert names == {path_of(*key).name for key in EXAMPLES}
    assert committed().keys() == EXAMPLES.keys()
