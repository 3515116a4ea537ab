"""What is generated and committed says what the code says."""

from deploy.docs.events import event_catalogue, stream_of
from deploy.docs.measures import measures_page
from deploy.docs.pages import ROOT
from deploy.docs.rules import rules_section
from shared.contracts import CATALOGUE, EVENTS
from shared.contracts.compatibility import unreadable_changes
from shared.contracts.schema import FOLDER, committed, file_name, schema_text
from shared.measures import default_rules, newest


def test_no_event_has_changed_in_a_way_that_its_stored_events_would_not_survive() -> None:
    assert unreadable_changes(CATALOGUE, committed()) == []


def test_the_committed_schemas_are_those_of_the_code() -> None:
    for contract in CATALOGUE.contracts.values():
        path = FOLDER / file_name(contract.type, contract.version)
        assert path.read_text("utf-8") == schema_text(contract), f"run `make docs`: {path.name}"


def test_the_committed_catalogue_is_that_of_the_code() -> None:
    page = (ROOT / "docs" / "events.md").read_text("utf-8")

    assert page == event_catalogue(CATALOGUE), "run `make docs`"


def test_the_committed_page_of_measures_is_that_of_the_definitions() -> None:
    page = (ROOT / "docs" / "measures.md").read_text("utf-8")

    expected = measures_page(newest().values()) + "\n" + rules_section(default_rules())
    assert page == expected, "run `make docs`"


def test_every_event_is_named_as_the_catalogue_says_and_knows_its_stream() -> None:
    streams = {stream_of(event)[0].partition("-")[0] for event in EVENTS.values()}

    assert all(name.rpartition(".")[2] == event.__name__ for name, event in EVENTS.items())
    assert streams == {
        *("organisation", "person", "integration", "client", "episode"),
        *("sign", "feedback", "measure", "assessment", "curve", "rules", "alert", "purge"),
    }
