"""What an intent speaks of: the claims and streams that must be on the desk for it."""

from collections.abc import Iterable

import msgspec

from services.intake.claims import (
    ClaimNames,
    client_stream,
    episode_stream,
    person_stream,
    session_id_claim,
)
from services.intake.domain.episode import ChangeTeam, Transfer
from services.intake.intents import (
    ChangeEpisode,
    DecideConsent,
    Intent,
    Look,
    MergeClients,
    PartPerson,
    PatchClient,
    PutClient,
    PutEpisode,
    PutSession,
    Ref,
    RelatePerson,
    ReplaceSession,
    SetMeasuring,
    UnmergeClients,
)
from shared.contracts.intake import ClientDetails


def claims_of(intent: Intent, names: ClaimNames) -> Iterable[str]:
    """The claims that decide what `intent` means, or whether it may be."""
    if isinstance(intent, PutClient):
        yield from names.of_client(intent.details)
    elif isinstance(intent, PatchClient):
        yield from names.of_client(msgspec.structs.replace(ClientDetails(), **intent.changes))
    elif isinstance(intent, ReplaceSession):
        yield session_id_claim(intent.session_id)
    elif isinstance(intent, PutEpisode) and intent.external_id is not None:
        yield names.external("episode", intent.external_id)
    elif isinstance(intent, PutSession) and intent.external_id is not None:
        yield names.external("session", intent.external_id)
    elif isinstance(intent, Look) and intent.identifier is not None:
        yield names.identifier(intent.identifier.system, intent.identifier.value)
    client, episode = refs_of(intent)
    if client is not None and client.external_id is not None:
        yield names.external("client", client.external_id)
    if episode is not None and episode.external_id is not None:
        yield names.external("episode", episode.external_id)


def staff_of(intent: Intent) -> Iterable[str]:
    """The members of staff whom `intent` names."""
    if isinstance(intent, PutEpisode) and intent.clinician_id is not None:
        yield intent.clinician_id
    if isinstance(intent, ChangeEpisode):
        match intent.command:
            case Transfer(to_clinician_id=person_id):
                yield person_id
            case ChangeTeam(members=members):
                yield from (member.person_id for member in members)


def streams_of(intent: Intent) -> Iterable[str]:
    """The streams that `intent` names by our own ids."""
    client, episode = refs_of(intent)
    if client is not None and client.id is not None:
        yield client_stream(client.id)
    if episode is not None and episode.id is not None:
        yield episode_stream(episode.id)
    if isinstance(intent, MergeClients) and intent.into.id is not None:
        yield client_stream(intent.into.id)
    yield from map(person_stream, staff_of(intent))


def refs_of(intent: Intent) -> tuple[Ref | None, Ref | None]:
    """The client and the episode that `intent` names."""
    match intent:
        case PatchClient() | DecideConsent() | SetMeasuring() | PutEpisode():
            return intent.client, None
        case RelatePerson() | PartPerson() | MergeClients() | UnmergeClients():
            return intent.client, None
        case ChangeEpisode() | PutSession() | ReplaceSession():
            return None, intent.episode
        case Look():
            return intent.client, intent.episode
    return None, None


def stream_of(claim: str, ref: str) -> str:
    """The stream in which the holder of a claim lives."""
    if claim.startswith(("claim-client-", "claim-identifier-")):
        return client_stream(ref)
    return episode_stream(ref.partition("/")[0])
