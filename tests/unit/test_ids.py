"""Ids are in the order of time, and a time stands among them."""

from datetime import UTC, datetime, timedelta

from shared.ids import id_floor, id_time, is_id, new_id


def test_the_floor_of_a_moment_is_between_the_ids_before_and_after_it() -> None:
    made = new_id()
    at = id_time(made)
    assert at is not None
    millisecond = timedelta(milliseconds=1)
    assert id_floor(at) <= made < id_floor(at + millisecond)


def test_a_floor_is_an_id_also_of_times_before_there_were_any() -> None:
    for moment in (datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)):
        assert is_id(id_floor(moment))
