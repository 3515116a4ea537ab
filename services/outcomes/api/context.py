"""What the routes work with; the composition root puts it into the application's state."""

from dataclasses import dataclass

from fastapi import Request

from services.outcomes.backtest import Backtests
from services.outcomes.feed import Change, Feed
from services.outcomes.rule_commands import RuleCommands
from services.outcomes.sight import Sight
from services.outcomes.views import Views
from shared.database import Database
from shared.hub import Hub


@dataclass(frozen=True)
class Context:
    """The parts of outcomes that answer requests."""

    database: Database
    views: Views
    feed: Feed
    hub: Hub[Change]
    sight: Sight
    rules: RuleCommands
    backtests: Backtests


def context(request: Request) -> Context:
    """The dependency that gives the parts."""
    found: Context = request.app.state.context
    return found
