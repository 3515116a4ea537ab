"""Intents about sessions."""

import msgspec

from services.intake.claims import session_id_claim
from services.intake.desk import Desk, Loaded
from services.intake.domain.episode import Episode
from services.intake.domain.sessions import ChangeSession, RecordSession
from services.intake.fulfilling.episodes import apply_to_episode
from services.intake.fulfilling.outcome import OtherContent, Outcome, check_version, fulfil
from services.intake.intents import PutSession, Ref, ReplaceSession
from shared.errors import Conflict, FieldError, Invalid, NotFound
from shared.web.ndjson import LineStatus


@fulfil.register
def put_session(intent: PutSession, desk: Desk) -> Outcome:
    """Record a session, or meet one that is known by the same external id."""
    loaded = desk.episode(intent.episode)
    claim = None
    if intent.external_id is not None:
        claim = desk.names.external("session", intent.external_id)
        if (holder := desk.holder(claim)) is not None:
            return _same_session(desk, loaded, holder, intent)
    if intent.in_error:
        detail = "A session that is not known cannot have been entered in error."
        raise Invalid(errors=[FieldError("/entered_in_error", detail, "unknown")])
    session_id = desk.new_id()
    command = RecordSession(
        session_id=session_id,
        facts=intent.facts,
        external_id=intent.external_id,
        imported=desk.options.history,
    )
    outcome = _change_session(desk, loaded, session_id, command, "created")
    desk.claim(loaded.client_id, session_id_claim(session_id), loaded.state.id)
    if claim is not None:
        desk.claim(loaded.client_id, claim, f"{loaded.state.id}/{session_id}")
    return outcome


def _same_session(desk: Desk, loaded: Loaded[Episode], holder: str, intent: PutSession) -> Outcome:
    episode_id, _, session_id = holder.partition("/")
    if episode_id != loaded.state.id:
        raise OtherContent("A session with this external_id belongs to another episode.")
    known = loaded.state.sessions[session_id]
    command = ChangeSession(session_id=session_id, facts=intent.facts, in_error=intent.in_error)
    same = known.facts == intent.facts and known.in_error == intent.in_error
    if not same and not desk.options.correct:
        raise OtherContent("A session with this external_id is known with other content.")
    return _change_session(desk, loaded, session_id, command, "corrected")


@fulfil.register
def replace_session(intent: ReplaceSession, desk: Desk) -> Outcome:
    """Say how a session is from now on."""
    episode_id = desk.holder(session_id_claim(intent.session_id))
    if episode_id is None:
        raise NotFound("There is no such session.")
    loaded = desk.episode(Ref(id=episode_id))
    check_version(intent, loaded)
    known = loaded.state.sessions[intent.session_id]
    if intent.episode is not None and desk.episode(intent.episode) is not loaded:
        raise Conflict("The session belongs to another episode.")
    if intent.external_id is not None and intent.external_id != known.external_id:
        raise Conflict("The session has another external_id.")
    command = ChangeSession(session_id=known.id, facts=intent.facts, in_error=intent.in_error)
    return _change_session(desk, loaded, known.id, command, "corrected")


def _change_session(
    desk: Desk,
    loaded: Loaded[Episode],
    session_id: str,
    command: RecordSession | ChangeSession,
    status: LineStatus,
) -> Outcome:
    outcome = apply_to_episode(desk, loaded, command, status)
    session = loaded.state.sessions[session_id]
    return msgspec.structs.replace(
        outcome, id=session_id, state=session, episode_id=loaded.state.id
    )
