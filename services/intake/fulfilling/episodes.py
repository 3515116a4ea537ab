"""Intents about episodes: opening, closing, reopening, transferring."""

import msgspec

from services.intake.desk import Desk, Loaded
from services.intake.domain import episode as episodes
from services.intake.domain.ages import opening_age_group
from services.intake.domain.episode import ChangeTeam, Episode, Transfer
from services.intake.fulfilling.outcome import (
    OtherContent,
    Outcome,
    check_version,
    check_workable,
    fulfil,
    outcome_of,
    workable,
)
from services.intake.intents import ChangeEpisode, PutEpisode, Ref
from shared.errors import FieldError, Invalid, NotFound
from shared.web.ndjson import LineStatus


@fulfil.register
def put_episode(intent: PutEpisode, desk: Desk) -> Outcome:
    """Open an episode, or meet one that is known by the same external id."""
    client = desk.client(intent.client)
    person = workable(desk, client)
    opening = episodes.Open(
        client_id=client.client_id,
        age_group=opening_age_group(person.birth_date, intent.opened_at, intent.age_group),
        opened_at=intent.opened_at,
        clinician_id=intent.clinician_id,
        clinic_id=intent.clinic_id,
        external_id=intent.external_id,
    )
    claim = None
    if intent.external_id is not None:
        claim = desk.names.external("episode", intent.external_id)
        if (holder := desk.holder(claim)) is not None:
            return _same_episode(desk, desk.episode(Ref(id=holder)), opening)
    if not desk.options.history:
        check_staff(desk, intent.clinician_id, "/clinician_id")
    episode_id = desk.new_id()
    command = episodes.NewEpisode(
        episode_id=episode_id,
        opening=opening,
        external_hash=claim.rpartition("-")[2] if claim else None,
        imported=desk.options.history,
    )
    events = episodes.decide(None, command, desk.now)
    loaded = desk.new_episode(existing_episode(episodes.fold(events)), events)
    if claim is not None:
        desk.claim(client.client_id, claim, episode_id)
    return outcome_of(desk, loaded, "created")


def _same_episode(desk: Desk, loaded: Loaded[Episode], opening: episodes.Open) -> Outcome:
    known = loaded.state.opening
    if desk.one_id(known.client_id) == opening.client_id:
        # It was opened for who is an alias now.
        opening = msgspec.structs.replace(opening, client_id=known.client_id)
    if known == opening:
        return outcome_of(desk, loaded, "unchanged")
    clinician_id = opening.clinician_id
    only_clinician = msgspec.structs.replace(known, clinician_id=clinician_id) == opening
    if only_clinician and clinician_id is not None and clinician_id == loaded.state.clinician_id:
        return outcome_of(desk, loaded, "unchanged")
    if not (desk.options.correct and only_clinician and clinician_id is not None):
        raise OtherContent("An episode with this external_id is known with other content.")
    check_staff(desk, clinician_id, "/clinician_id")
    at = max(opening.opened_at, desk.now)
    return apply_to_episode(
        desk, loaded, episodes.Transfer(to_clinician_id=clinician_id, at=at), "corrected"
    )


@fulfil.register
def change_episode(intent: ChangeEpisode, desk: Desk) -> Outcome:
    """Close, reopen or transfer an episode, or say who cares."""
    loaded = desk.episode(intent.episode)
    check_version(intent, loaded)
    match intent.command:
        case Transfer(to_clinician_id=person_id) if person_id != loaded.state.clinician_id:
            check_staff(desk, person_id, "/to_clinician_id")
        case ChangeTeam(members=members):
            for number, member in enumerate(members):
                # Who cared once may have left since.
                if member.until is None or member.until > desk.now:
                    check_staff(desk, member.person_id, f"/{number}/person_id")
    return apply_to_episode(desk, loaded, intent.command, "corrected")


def apply_to_episode(
    desk: Desk, loaded: Loaded[Episode], command: episodes.Command, status: LineStatus
) -> Outcome:
    """Lay down what follows from `command`; `status` is for where anything does."""
    check_workable(desk, loaded.client_id)
    events = episodes.decide(loaded.state, command, desk.now)
    desk.record(loaded, existing_episode(episodes.fold(events, loaded.state)), events)
    return outcome_of(desk, loaded, status if events else "unchanged")


def check_staff(desk: Desk, person_id: str | None, pointer: str) -> None:
    """Refuse a member of staff who cannot care; of whom nothing is known, a machine may know."""
    if person_id is None:
        return
    person = desk.staff.get(person_id)
    if person is None and not desk.options.trusting:
        raise Invalid(errors=[FieldError(pointer, "There is no such person.", "unknown")])
    if person is not None and not person.active:
        raise Invalid(errors=[FieldError(pointer, "They have no access any more.", "inactive")])


def existing_episode(episode: Episode | None) -> Episode:
    """`episode`, which must be there."""
    if episode is None:
        raise NotFound("There is no such episode.")
    return episode
