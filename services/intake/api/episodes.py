"""Episodes and their sessions."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.intake.api.answering import (
    Asking,
    EpisodeId,
    MinPosition,
    Mode,
    OnConflict,
    SessionId,
    check_position,
    fulfil_one,
    show,
)
from services.intake.api.models.episodes import (
    CareTeamModel,
    CloseModel,
    EpisodeModel,
    ReopenModel,
    SessionChangeModel,
    SessionModel,
    TransferModel,
)
from services.intake.api.showing import episode_view
from services.intake.api.views import EpisodeView, SessionView
from services.intake.desk import Options
from services.intake.domain.episode import ChangeTeam, Close, Reopen, Transfer
from services.intake.fulfilling import check_workable
from services.intake.intents import ChangeEpisode, Look, Ref
from shared.security import Principal
from shared.web import body, if_match, requires

router = APIRouter(prefix="/v1", tags=["episodes"])

Reader = Annotated[Principal, Depends(requires("episodes.read"))]
Writer = Annotated[Principal, Depends(requires("episodes.write"))]
SessionWriter = Annotated[Principal, Depends(requires("sessions.write"))]


@router.post(
    "/episodes",
    status_code=201,
    responses={200: {"model": EpisodeView}},
    response_model=EpisodeView,
)
async def open_episode(
    request: Request,
    principal: Writer,
    episode: Annotated[EpisodeModel, Depends(body(EpisodeModel))],
    on_conflict: OnConflict = None,
    mode: Mode = None,
) -> Response:
    """Open an episode. The age group follows from the birth date; unknown, it is adult.

    A clinician who names nobody leads it.
    """
    intent = episode.intent()
    if (
        intent.clinician_id is None
        and principal.kind == "person"
        and ("clinician" in principal.roles)
    ):
        intent = msgspec.structs.replace(intent, clinician_id=principal.id)
    options = Options(correct=on_conflict == "correct", history=mode == "history")
    return await fulfil_one(request, principal, intent, options=options)


@router.get("/episodes/{episode_id}", response_model=EpisodeView)
async def get_episode(
    request: Request, principal: Reader, episode_id: EpisodeId, min_position: MinPosition = None
) -> Response:
    """An episode as it stands."""
    check_position(min_position)
    asking = Asking(request, principal)
    ref = Ref(id=episode_id)
    desk = await asking.look(Look(episode=ref))
    found = desk.episode(ref)
    check_workable(desk, found.client_id)
    await asking.looked()
    return show(episode_view(found.state, found.stream, found.version, asking.reached))


@router.post("/episodes/{episode_id}/close", response_model=EpisodeView)
async def close_episode(
    request: Request,
    principal: Writer,
    episode_id: EpisodeId,
    close: Annotated[CloseModel, Depends(body(CloseModel))],
) -> Response:
    """The course of care has ended."""
    return await _change(request, principal, episode_id, close.command())


@router.post("/episodes/{episode_id}/reopen", response_model=EpisodeView)
async def reopen_episode(
    request: Request,
    principal: Writer,
    episode_id: EpisodeId,
    reopen: Annotated[ReopenModel, Depends(body(ReopenModel))],
) -> Response:
    """It goes on after all."""
    return await _change(request, principal, episode_id, Reopen(at=reopen.at))


@router.post("/episodes/{episode_id}/transfer", response_model=EpisodeView)
async def transfer_episode(
    request: Request,
    principal: Writer,
    episode_id: EpisodeId,
    transfer: Annotated[TransferModel, Depends(body(TransferModel))],
) -> Response:
    """Another clinician leads from `at` on: it may have been a while ago, or be planned."""
    command = Transfer(to_clinician_id=transfer.to_clinician_id, at=transfer.at)
    return await _change(request, principal, episode_id, command)


@router.post("/episodes/{episode_id}/care-team", response_model=EpisodeView)
async def change_care_team(
    request: Request,
    principal: Writer,
    episode_id: EpisodeId,
    team: Annotated[CareTeamModel, Depends(body(CareTeamModel))],
) -> Response:
    """Who cares, as it stands from now on: the whole team, past members included."""
    return await _change(request, principal, episode_id, team.command())


@router.post(
    "/sessions",
    status_code=201,
    responses={200: {"model": SessionView}},
    response_model=SessionView,
)
async def record_session(
    request: Request,
    principal: SessionWriter,
    session: Annotated[SessionModel, Depends(body(SessionModel))],
    on_conflict: OnConflict = None,
    mode: Mode = None,
) -> Response:
    """Record a session that was booked, held, missed or cancelled."""
    options = Options(correct=on_conflict == "correct", history=mode == "history")
    return await fulfil_one(request, principal, session.intent(), options=options)


@router.put("/sessions/{session_id}", response_model=SessionView)
async def replace_session(
    request: Request,
    principal: SessionWriter,
    session_id: SessionId,
    session: Annotated[SessionChangeModel, Depends(body(SessionChangeModel))],
) -> Response:
    """Say how a session is from now on, or that it was entered in error."""
    return await fulfil_one(request, principal, session.intent(session_id, if_match(request)))


async def _change(
    request: Request,
    principal: Principal,
    episode_id: str,
    command: Close | Reopen | Transfer | ChangeTeam,
) -> Response:
    intent = ChangeEpisode(episode=Ref(id=episode_id), command=command, if_match=if_match(request))
    return await fulfil_one(request, principal, intent)
