"""Intents about clients: registering, correcting, consents, measuring."""

from datetime import datetime

import msgspec

from services.intake.desk import Desk, Loaded
from services.intake.domain import client as clients
from services.intake.domain.client import Client
from services.intake.domain.merging import OnePerson
from services.intake.domain.times import not_ahead
from services.intake.fulfilling.outcome import (
    OtherContent,
    Outcome,
    check_version,
    client_of,
    fulfil,
    outcome_of,
    workable,
)
from services.intake.intents import DecideConsent, PatchClient, PutClient, Ref, SetMeasuring
from shared.contracts.intake import ClientDetails
from shared.errors import Conflict, Forbidden
from shared.web.ndjson import LineStatus

SAID_BY = {"self": "client", "related": "guardian"}
"""Who decides where it is not a member of staff, or a machine, who tells of it."""


@fulfil.register
def put_client(intent: PutClient, desk: Desk) -> Outcome:
    """Register a client, or meet one that is known by the same external id."""
    details = intent.details
    if details.external_id is not None:
        holder = desk.holder(desk.names.external("client", details.external_id))
        if holder is not None:
            return _same_client(desk, client_of(desk, holder), intent)
    client_id = desk.new_id()
    _check_free(desk, details, client_id)
    command = clients.Register(
        client_id=client_id,
        details=details,
        hashes=desk.names.hashes(details),
        by=intent.by,
        as_of=intent.as_of,
    )
    events = clients.decide(None, command, desk.now)
    loaded = desk.new_client(clients.existing(clients.fold(events)), events)
    for claim in desk.names.of_client(details):
        desk.claim(client_id, claim, client_id)
    return outcome_of(desk, loaded, "created")


def _same_client(desk: Desk, record: Loaded[Client], intent: PutClient) -> Outcome:
    """What a feed says of somebody known, be it an alias: then the alias's details are corrected,
    and the one who goes on is shown."""
    one = desk.client(Ref(id=record.client_id))
    workable(desk, one)
    check_version(intent, one)
    not_ahead(intent.as_of or desk.now, desk.now, "/as_of")
    if record.state.details == intent.details and not (
        desk.options.correct and clients.is_newer(record.state, intent.as_of)
    ):
        return outcome_of(desk, one, "unchanged")
    if not desk.options.correct:
        raise OtherContent("A client with this external_id is known with other details.")
    return _correct(desk, record, intent.details, intent.as_of)


@fulfil.register
def patch_client(intent: PatchClient, desk: Desk) -> Outcome:
    """Replace some details of a client."""
    one = desk.client(intent.client)
    before = workable(desk, one).one.details or ClientDetails()
    check_version(intent, one)
    details = msgspec.structs.replace(before, **intent.changes)
    return _correct(desk, one, details, intent.as_of)


def _correct(
    desk: Desk, record: Loaded[Client], details: ClientDetails, as_of: datetime | None
) -> Outcome:
    before = desk.names.of_client(record.state.details or ClientDetails())
    after = desk.names.of_client(details)
    _check_free(desk, details, record.client_id)
    hashes = desk.names.hashes(details)
    command = clients.Correct(details=details, hashes=hashes, as_of=as_of)
    status = _change(desk, record, command, "corrected")
    for claim in set(before).difference(after):
        desk.release(record.client_id, claim)
    for claim in set(after).difference(before):
        desk.claim(record.client_id, claim, record.client_id)
    return outcome_of(desk, desk.client(Ref(id=record.client_id)), status)


def _check_free(desk: Desk, details: ClientDetails, client_id: str) -> None:
    for claim in desk.names.of_client(details):
        holder = desk.holder(claim)
        if holder is None or holder == client_id:
            continue
        # Somebody who was erased stays known by it: they do not come back by another's record.
        clients.existing(client_of(desk, holder).state)
        if desk.one_id(holder) == desk.one_id(client_id):
            raise Conflict("An alias of this client holds one of the identifiers.")
        raise Conflict("Another client holds one of the identifiers.")


@fulfil.register
def decide_consent(intent: DecideConsent, desk: Desk) -> Outcome:
    """Record a decision; the same one again changes nothing.

    A person who is more than one client decides for all of them: a refusal everywhere, an
    agreement wherever it would be withheld otherwise.
    """
    one = desk.client(intent.client)
    person = workable(desk, one)
    check_version(intent, one)
    _check_decides(desk, person)
    consent = clients.Consent(
        given=intent.given,
        at=intent.at or _when_unsaid(person, intent, desk.now),
        given_by=SAID_BY.get(desk.asker.why, intent.given_by),
        wording_version=intent.wording_version,
    )
    command = clients.Decide(purpose=intent.purpose, consent=consent)
    withheld = {
        record.id for record in person.records if not record.agrees(intent.purpose, desk.defaults)
    }
    changes = [
        _change(desk, record, command, "created")
        for record in desk.records(one)
        if record is one or not intent.given or record.client_id in withheld
    ]
    return outcome_of(desk, one, "created" if "created" in changes else "unchanged")


def _check_decides(desk: Desk, person: OnePerson) -> None:
    """Of those close to a client, a guardian alone decides for them."""
    if desk.asker.why != "related":
        return
    relations = (record.related.get(desk.asker.id) for record in person.records)
    if not any(one is not None and one.relation == "guardian" for one in relations):
        raise Forbidden("Only a guardian decides for a client.")


def _when_unsaid(person: OnePerson, intent: DecideConsent, now: datetime) -> datetime:
    """Without a time, what was decided before, and holds, is decided still."""
    before = person.one.consent(intent.purpose)
    same = before is not None and before.given == intent.given == person.agrees(intent.purpose)
    return before.at if before is not None and same else now


@fulfil.register
def set_measuring(intent: SetMeasuring, desk: Desk) -> Outcome:
    """Measure, pause or stop measuring: the whole person."""
    one = desk.client(intent.client)
    person = workable(desk, one)
    check_version(intent, one)
    _check_decides(desk, person)
    command = clients.Measure(state=intent.state, reason=intent.reason)
    changes = [_change(desk, record, command, "corrected") for record in desk.records(one)]
    return outcome_of(desk, one, "corrected" if "corrected" in changes else "unchanged")


def _change(
    desk: Desk, record: Loaded[Client], command: clients.Command, status: LineStatus
) -> LineStatus:
    """Lay down what follows from `command`; `status` is for where anything does."""
    events = clients.decide(record.state, command, desk.now)
    desk.record(record, clients.existing(clients.fold(events, record.state)), events)
    return status if events else "unchanged"
