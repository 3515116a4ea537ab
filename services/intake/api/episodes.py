"""Episodes and their sessions."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.intake.api.answering import (
    EpisodeId,
    MinPosition,
    Mode,
    OnConflict,
    Reader,
    SessionId,
    Writer,
    check_position,
    fulfil_one,
    handlers_of,
    show,
)
from services.intake.api.models.episodes import (
    CloseModel,
    EpisodeModel,
    ReopenModel,
    SessionChangeModel,
    SessionModel,
    TransferModel,
)
from services.intake.api.views import EpisodeView, SessionView, episode_view
from services.intake.desk import Options
from services.intake.domain.episode import Close, Reopen, Transfer
from services.intake.intents import ChangeEpisode, Look, Ref
from shared.security import Principal
from shared.web import body, if_match

router = APIRouter(prefix="/v1", tags=["episodes"])


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
    """Open an episode. The age group follows from the birth date; unknown, it is adult."""
    options = Options(correct=on_conflict == "correct", history=mode == "history")
    return await fulfil_one(request, principal, episode.intent(), options=options)


@router.get("/episodes/{episode_id}", response_model=EpisodeView)
async def get_episode(
    request: Request, principal: Reader, episode_id: EpisodeId, min_position: MinPosition = None
) -> Response:
    """An episode as it stands."""
    check_position(min_position)
    ref = Ref(id=episode_id)
    desk = await handlers_of(request).look(principal.tenant, Look(episode=ref))
    found = desk.episode(ref)
    return show(episode_view(found.state, found.stream, found.version))


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
    """Another clinician leads."""
    command = Transfer(to_clinician_id=transfer.to_clinician_id, at=transfer.at)
    return await _change(request, principal, episode_id, command)


@router.post(
    "/sessions",
    status_code=201,
    responses={200: {"model": SessionView}},
    response_model=SessionView,
)
async def record_session(
    request: Request,
    principal: Writer,
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
    principal: Writer,
    session_id: SessionId,
    session: Annotated[SessionChangeModel, Depends(body(SessionChangeModel))],
) -> Response:
    """Say how a session is from now on, or that it was entered in error."""
    return await fulfil_one(request, principal, session.intent(session_id, if_match(request)))


async def _change(
    request: Request, principal: Principal, episode_id: str, command: Close | Reopen | Transfer
) -> Response:
    intent = ChangeEpisode(episode=Ref(id=episode_id), command=command, if_match=if_match(request))
    return await fulfil_one(request, principal, intent)
