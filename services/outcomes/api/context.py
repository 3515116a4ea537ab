"""What the routes work with; the composition root puts it into the application's state."""

from dataclasses import dataclass

from fastapi import Request

from services.outcomes.backtest import Backtests
from services.outcomes.feed import Change, Feed
from services.outcomes.rule_commands import RuleCommands
from services.outcomes.views import Views
from shared.hub import Hub


@dataclass(frozen=True)
class Context:
    """The parts of outcomes that answer requests."""

    views: Views
    feed: Feed
    hub: Hub[Change]
    rules: RuleCommands
    backtests: Backtests


def context(request: Request) -> Context:
    """The dependency that gives the parts."""
    found: Context = request.app.state.context
    return found
