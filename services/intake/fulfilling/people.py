"""Intents about who is close to a client, and about clients who are one person."""

from collections.abc import Mapping

import msgspec

from services.intake.desk import Desk, Loaded
from services.intake.domain import merging, related
from services.intake.domain.client import Client, existing, fold
from services.intake.domain.client_state import Related
from services.intake.fulfilling.outcome import (
    Outcome,
    check_version,
    client_of,
    fulfil,
    outcome_of,
    workable,
)
from services.intake.intents import MergeClients, PartPerson, RelatePerson, UnmergeClients
from shared.contracts import Event
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from shared.web.ndjson import LineStatus

LET_WORDS = frozenset({"care", "integration"})
"""By which right words may be let be seen: as the care team, or as a machine that speaks for it."""


@fulfil.register
def relate_person(intent: RelatePerson, desk: Desk) -> Outcome:
    """Somebody is close to a client; the outcome's id is theirs."""
    one = desk.client(intent.client)
    workable(desk, one)
    check_version(intent, one)
    _not_by_the_related(desk)
    record = one if intent.related_id is None else _who_knows(desk, one, intent.related_id)
    somebody = Related(
        id=intent.related_id or desk.new_id(),
        relation=intent.relation,
        may_see=intent.may_see,
        name=intent.name,
    )
    if related.new_words(record.state, somebody) and not _may_let_words(desk, one):
        raise Forbidden("Only the client's care team can let somebody see the client's words.")
    events = related.relate(record.state, somebody)
    _lay(desk, record, events)
    made: LineStatus = "created" if intent.related_id is None else "corrected"
    outcome = outcome_of(desk, one, made if events else "unchanged")
    return msgspec.structs.replace(outcome, id=somebody.id)


def _may_let_words(desk: Desk, one: Loaded[Client]) -> bool:
    """Who is of age decides alone; for a child, and who may be one, the care team does."""
    if desk.asker.why == "self":
        return related.is_of_age(one.state, desk.now.date())
    return desk.asker.why in LET_WORDS


def _not_by_the_related(desk: Desk) -> None:
    if desk.asker.why == "related":
        raise Forbidden("Nobody says of themselves what they may see of a client.")


@fulfil.register
def part_person(intent: PartPerson, desk: Desk) -> Outcome:
    """Somebody is not close any more."""
    one = desk.client(intent.client)
    workable(desk, one)
    check_version(intent, one)
    _not_by_the_related(desk)
    record = _who_knows(desk, one, intent.related_id)
    _lay(desk, record, related.part(record.state, intent.related_id))
    return outcome_of(desk, one, "corrected")


def _who_knows(desk: Desk, one: Loaded[Client], related_id: str) -> Loaded[Client]:
    """The record of the person to which somebody is close."""
    for record in desk.records(one):
        if related_id in record.state.related:
            return record
    raise NotFound("There is no such person.")


@fulfil.register
def merge_clients(intent: MergeClients, desk: Desk) -> Outcome:
    """A client is the same person as another, who goes on."""
    record, target = desk.record_of(intent.client), desk.record_of(intent.into)
    if record is target:
        raise Invalid(errors=[FieldError("/into", "That is the client itself.", "self")])
    one, into = desk.client(intent.client), desk.client(intent.into)
    person, goes_on = workable(desk, one), workable(desk, into)
    check_version(intent, one)
    if one is into:
        if record is one:
            raise Conflict("The two are one already, and it is this one that goes on.")
        return outcome_of(desk, into, "unchanged")
    events = merging.merge(person, goes_on, intent.reason)
    _lay_all(desk, events, with_=into.client_id)
    return outcome_of(desk, into, "corrected")


@fulfil.register
def unmerge_clients(intent: UnmergeClients, desk: Desk) -> Outcome:
    """A client is somebody else after all."""
    alias = desk.record_of(intent.client)
    one = desk.client(intent.client)
    workable(desk, one)
    check_version(intent, one)
    if alias is one:
        if alias.state.was_alias:
            return outcome_of(desk, alias, "unchanged")
        raise Conflict("The client is nobody's alias.")
    events = merging.unmerge(alias.state, one.state, desk.defaults, intent.reason, desk.now)
    _lay_all(desk, events, with_=one.client_id)
    return msgspec.structs.replace(outcome_of(desk, alias, "corrected"), group=one.client_id)


def _lay_all(desk: Desk, events: Mapping[str, list[Event]], *, with_: str) -> None:
    """Lay down events of several clients, to be written with `with_`, who goes on."""
    for client_id, of_client in events.items():
        _lay(desk, client_of(desk, client_id), of_client, with_=with_)


def _lay(
    desk: Desk, record: Loaded[Client], events: list[Event], *, with_: str | None = None
) -> None:
    desk.record(record, existing(fold(events, record.state)), events, with_=with_)
