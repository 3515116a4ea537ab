"""The rule sets that ratings are judged by, as data."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from services.outcomes.api.clients import Page, Parts
from services.outcomes.api.rule_models import (
    BacktestView,
    LoadView,
    RollbackIn,
    RuleLoadView,
    RuleSetIn,
    RuleSetView,
    RulesPage,
)
from services.outcomes.domain.load import Load
from services.outcomes.rule_commands import answer_of
from shared.measures import RuleSet
from shared.measures.checks.rules import read_rule_set
from shared.security import Principal
from shared.web import body, page_of, page_response, requires
from shared.web.idempotency import answered, idempotency_key

router = APIRouter(prefix="/v1", tags=["rules"])

Reader = Annotated[Principal, Depends(requires("rules.read"))]
Writer = Annotated[Principal, Depends(requires("rules.write"))]
Tester = Annotated[Principal, Depends(requires("rules.backtest"))]
PROPOSED = 1
"""The version of rules that are only asked about."""


@router.get("/rules", response_model=RulesPage)
async def list_rules(request: Request, reader: Reader, parts: Parts, page: Page) -> Response:
    """Every rule set: those that ship, and those that the organisation published, by version."""
    found = await parts.rules.listed(reader.tenant)
    after = page.after(tuple[int, str])
    rest = [one for one in found if after is None or place_of(one.rules) > after]
    items, following = page_of(rest[: page.limit + 1], page.limit, lambda one: place_of(one.rules))
    return page_response([answer_of(one) for one in items], following, request)


def place_of(rules: RuleSet) -> tuple[int, str]:
    """Where a rule set stands in the list."""
    return rules.version, rules.key


@router.post(
    "/rules",
    status_code=201,
    responses={200: {"model": RuleSetView}, 201: {"model": RuleSetView}},
)
async def publish_rules(
    request: Request,
    writer: Writer,
    parts: Parts,
    rules: Annotated[RuleSetIn, Depends(body(RuleSetIn))],
) -> Response:
    """Let a rule set judge what is recorded from `effective_from` on; never what was before.

    200 instead of 201: this very version is there already.
    """
    key = idempotency_key(request, writer)
    return answered(await parts.rules.publish(writer, rules.wanted(), key))


@router.post("/rules/rollback", status_code=201, responses={201: {"model": RuleSetView}})
async def roll_back_rules(
    request: Request,
    writer: Writer,
    parts: Parts,
    asked: Annotated[RollbackIn, Depends(body(RollbackIn))],
) -> Response:
    """Let an earlier version judge what is recorded from `effective_from` on."""
    key, name = idempotency_key(request, writer), (asked.key, asked.version)
    return answered(await parts.rules.roll_back(writer, name, asked.effective_from, key))


@router.post("/rules/backtest", response_model=BacktestView)
async def backtest_rules(
    tester: Tester,
    parts: Parts,
    rules: Annotated[RuleSetIn, Depends(body(RuleSetIn))],
) -> Response:
    """What rules would have asked of people on the organisation's own history, as far as clients
    agree to service statistics. Changes nothing."""
    wanted = rules.wanted()
    asked = read_rule_set(
        RuleSet(key=wanted.key, version=wanted.version or PROPOSED, rules=wanted.rules)
    )
    present = await parts.rules.present(tester.tenant)
    found = await parts.backtests.compare(tester.tenant, asked, present)
    view = BacktestView(
        clients=found.asked.clients,
        episodes=found.asked.episodes,
        ratings=found.asked.ratings,
        weeks=round(found.asked.weeks, 1),
        is_all=found.is_all,
        asked=load_view(found.asked),
        in_force=load_view(found.in_force),
    )
    return Response(view.model_dump_json(), media_type="application/json")


def load_view(load: Load) -> LoadView:
    """A load as callers read it."""
    a_week = load.concerns_a_week
    return LoadView(
        concerns=load.concerns,
        concerns_per_100_clients_a_week=round(a_week, 2) if a_week is not None else None,
        alerts=load.alerts,
        rules=[
            RuleLoadView(
                rule=one.rule,
                kind=one.kind,
                ratings=one.ratings,
                clients=one.clients,
                alerts=one.alerts,
                open=one.open,
            )
            for one in load.rules.values()
        ],
    )
