"""What an organisation's own words make of a measure."""

import msgspec
import pytest

from services.feedback.domain import measures
from services.feedback.domain.measures import Measure, after, fold
from shared.contracts.feedback import MeasureContent, MeasurePublished
from shared.errors import Conflict, FieldError, Invalid, NotFound
from shared.measures import Definition, measure

BDI = measure("bdi")
BY = "somebody"


def version(number: int, **changes: object) -> Definition:
    return msgspec.structs.replace(BDI, version=number, **changes)


def published(known: Measure, definition: Definition) -> Measure:
    event = measures.publish(known, definition, BY)
    assert event is not None
    return after(known, event)


def refusals(known: Measure, definition: Definition) -> list[FieldError]:
    with pytest.raises(Invalid) as refusal:
        measures.publish(known, definition, BY)
    return list(refusal.value.errors)


def test_nothing_said_it_is_what_ships() -> None:
    known = fold("bdi", ())
    assert (known.offered(), known.newest) == (BDI, BDI.version)
    nobody = fold("mood", ())
    with pytest.raises(Invalid):
        nobody.offered()
    with pytest.raises(NotFound):
        nobody.at()


def test_what_the_organisation_published_goes_before_what_ships_later() -> None:
    known = published(fold("bdi", ()), version(2, title="Ours"))
    # A later release ships versions 2 and 3.
    released = fold("bdi", ())
    released.definitions |= {2: version(2), 3: version(3)}
    event = measures.publish(fold("bdi", ()), version(2, title="Ours"), BY)
    assert event is not None
    measures.evolve(released, event)
    assert released.offered() == known.offered() == version(2, title="Ours")
    assert released.at(3) == version(3)
    assert [one.code for one in refusals(released, version(5))] == ["not_next"]
    assert published(released, version(4)).newest == 4


def test_taking_in_an_event_leaves_what_others_hold_as_it_was() -> None:
    before = fold("bdi", ())
    later = published(before, version(2))
    assert (before.version, before.newest, later.version, later.newest) == (0, 1, 1, 2)


def test_a_version_says_one_thing_for_ever() -> None:
    known = published(fold("bdi", ()), version(2))
    assert measures.publish(known, version(2), BY) is None
    assert measures.publish(known, BDI, BY) is None
    with pytest.raises(Conflict):
        measures.publish(known, version(2, title="Another"), BY)


def test_an_old_version_published_anew_ends_the_retirement_and_is_not_the_newest() -> None:
    known = published(fold("bdi", ()), version(2))
    event = measures.retire(known, "too long", BY)
    assert event is not None
    retired = after(known, event)
    assert measures.retire(retired, "too long", BY) is None
    with pytest.raises(Invalid):
        retired.offered()
    assert published(retired, BDI).offered() == version(2)


def test_an_erased_organisation_has_said_nothing() -> None:
    event = MeasurePublished(key="mood", definition_version=1, private=None)
    assert fold("mood", [(1, event)]).definitions == {}


def test_what_is_published_is_read_back_to_the_last_digit() -> None:
    event = measures.publish(fold("bdi", ()), version(2), BY)
    assert event is not None
    assert isinstance(event.private, MeasureContent)
    assert fold("bdi", [(1, event)]).at(2) == version(2)
