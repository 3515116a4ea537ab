"""What the routes work with; the composition root puts it into the application's state."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from services.alerts.handlers import Alerts
from services.alerts.live.log import Log, Message
from services.alerts.reaching import Reach
from shared.database import Database
from shared.eventstore import EventStore
from shared.hub import Hub
from shared.security import Principal
from shared.web import requires


@dataclass(frozen=True)
class Context:
    """The parts of alerts that answer requests."""

    database: Database
    store: EventStore
    alerts: Alerts
    reach: Reach
    log: Log
    hub: Hub[Message]


def context(request: Request) -> Context:
    """The dependency that gives the parts."""
    found: Context = request.app.state.context
    return found


Parts = Annotated[Context, Depends(context)]
Reader = Annotated[Principal, Depends(requires("alerts.read"))]
Writer = Annotated[Principal, Depends(requires("alerts.act"))]
