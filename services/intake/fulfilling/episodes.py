"""Intents about episodes: opening, closing, reopening, transferring."""

import msgspec

from services.intake.desk import Desk, Loaded
from services.intake.domain import client as clients
from services.intake.domain import episode as episodes
from services.intake.domain.ages import opening_age_group
from services.intake.domain.episode import Episode
from services.intake.fulfilling.outcome import (
    OtherContent,
    Outcome,
    check_version,
    fulfil,
    outcome_of,
)
from services.intake.intents import ChangeEpisode, PutEpisode, Ref
from shared.errors import NotFound
from shared.web.ndjson import LineStatus


@fulfil.register
def put_episode(intent: PutEpisode, desk: Desk) -> Outcome:
    """Open an episode, or meet one that is known by the same external id."""
    client = desk.client(intent.client)
    details = clients.existing(client.state).details
    opening = episodes.Open(
        client_id=client.client_id,
        age_group=opening_age_group(
            details.birth_date if details else None, intent.opened_at, intent.age_group
        ),
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
    return outcome_of(loaded, "created")


def _same_episode(desk: Desk, loaded: Loaded[Episode], opening: episodes.Open) -> Outcome:
    known = loaded.state.opening
    if known == opening:
        return outcome_of(loaded, "unchanged")
    clinician_id = opening.clinician_id
    only_clinician = msgspec.structs.replace(known, clinician_id=clinician_id) == opening
    if only_clinician and clinician_id is not None and clinician_id == loaded.state.clinician_id:
        return outcome_of(loaded, "unchanged")
    if not (desk.options.correct and only_clinician and clinician_id is not None):
        raise OtherContent("An episode with this external_id is known with other content.")
    at = max(opening.opened_at, desk.now)
    return apply_to_episode(
        desk, loaded, episodes.Transfer(to_clinician_id=clinician_id, at=at), "corrected"
    )


@fulfil.register
def change_episode(intent: ChangeEpisode, desk: Desk) -> Outcome:
    """Close, reopen or transfer an episode."""
    loaded = desk.episode(intent.episode)
    check_version(intent, loaded)
    return apply_to_episode(desk, loaded, intent.command, "corrected")


def apply_to_episode(
    desk: Desk, loaded: Loaded[Episode], command: episodes.Command, status: LineStatus
) -> Outcome:
    """Lay down what follows from `command`; `status` is for where anything does."""
    events = episodes.decide(loaded.state, command, desk.now)
    desk.record(loaded, existing_episode(episodes.fold(events, loaded.state)), events)
    return outcome_of(loaded, status if events else "unchanged")


def existing_episode(episode: Episode | None) -> Episode:
    """`episode`, which must be there."""
    if episode is None:
        raise NotFound("There is no such episode.")
    return episode
