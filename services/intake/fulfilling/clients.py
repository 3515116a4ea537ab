"""Intents about clients: registering, correcting, consents, measuring."""

from datetime import datetime

import msgspec

from services.intake.desk import Desk, Loaded
from services.intake.domain import client as clients
from services.intake.domain.client import Client
from services.intake.fulfilling.outcome import (
    OtherContent,
    Outcome,
    check_version,
    fulfil,
    outcome_of,
)
from services.intake.intents import DecideConsent, PatchClient, PutClient, Ref, SetMeasuring
from shared.contracts.intake import ClientDetails
from shared.errors import Conflict
from shared.web.ndjson import LineStatus


@fulfil.register
def put_client(intent: PutClient, desk: Desk) -> Outcome:
    """Register a client, or meet one that is known by the same external id."""
    details = intent.details
    if details.external_id is not None:
        holder = desk.holder(desk.names.external("client", details.external_id))
        if holder is not None:
            return _same_client(desk, desk.client(Ref(id=holder)), details)
    client_id = desk.new_id()
    _check_free(desk, details, client_id)
    command = clients.Register(
        client_id=client_id, details=details, hashes=desk.names.hashes(details)
    )
    events = clients.decide(None, command, desk.now)
    loaded = desk.new_client(clients.existing(clients.fold(events)), events)
    for claim in desk.names.of_client(details):
        desk.claim(client_id, claim, client_id)
    return outcome_of(loaded, "created")


def _same_client(desk: Desk, loaded: Loaded[Client], details: ClientDetails) -> Outcome:
    if clients.existing(loaded.state).details == details:
        return outcome_of(loaded, "unchanged")
    if not desk.options.correct:
        raise OtherContent("A client with this external_id is known with other details.")
    return _correct(desk, loaded, details)


@fulfil.register
def patch_client(intent: PatchClient, desk: Desk) -> Outcome:
    """Replace some details of a client."""
    loaded = desk.client(intent.client)
    check_version(intent, loaded)
    before = clients.existing(loaded.state).details
    return _correct(
        desk, loaded, msgspec.structs.replace(before or ClientDetails(), **intent.changes)
    )


def _correct(desk: Desk, loaded: Loaded[Client], details: ClientDetails) -> Outcome:
    before = desk.names.of_client(loaded.state.details or ClientDetails())
    after = desk.names.of_client(details)
    _check_free(desk, details, loaded.client_id)
    command = clients.Correct(details=details, hashes=desk.names.hashes(details))
    outcome = _change_client(desk, loaded, command, "corrected")
    for claim in set(before).difference(after):
        desk.release(loaded.client_id, claim)
    for claim in set(after).difference(before):
        desk.claim(loaded.client_id, claim, loaded.client_id)
    return outcome


def _check_free(desk: Desk, details: ClientDetails, client_id: str) -> None:
    for claim in desk.names.of_client(details):
        if desk.holder(claim) not in (None, client_id):
            raise Conflict("Another client holds one of the identifiers.")


@fulfil.register
def decide_consent(intent: DecideConsent, desk: Desk) -> Outcome:
    """Record a decision; the same one again changes nothing."""
    loaded = desk.client(intent.client)
    check_version(intent, loaded)
    before = loaded.state.consent(intent.purpose)
    consent = clients.Consent(
        given=intent.given,
        at=intent.at or _when_unsaid(before, intent, desk.now),
        given_by=intent.given_by,
        wording_version=intent.wording_version,
    )
    command = clients.Decide(purpose=intent.purpose, consent=consent)
    return _change_client(desk, loaded, command, "created")


def _when_unsaid(before: clients.Consent | None, intent: DecideConsent, now: datetime) -> datetime:
    """Without a time, what was decided before is decided still."""
    return before.at if before is not None and before.given == intent.given else now


@fulfil.register
def set_measuring(intent: SetMeasuring, desk: Desk) -> Outcome:
    """Measure, pause or stop measuring."""
    loaded = desk.client(intent.client)
    check_version(intent, loaded)
    command = clients.Measure(state=intent.state, reason=intent.reason)
    return _change_client(desk, loaded, command, "corrected")


def _change_client(
    desk: Desk, loaded: Loaded[Client], command: clients.Command, status: LineStatus
) -> Outcome:
    events = clients.decide(loaded.state, command, desk.now)
    state = clients.existing(clients.fold(events, loaded.state))
    desk.record(loaded, state, events)
    return outcome_of(loaded, status if events else "unchanged")
