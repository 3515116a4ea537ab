"""What comes in and goes out by HTTP. Scores are points with one decimal digit."""

from datetime import datetime
from typing import Annotated, Literal

from services.alerts.domain.alert import Status
from shared.contracts.feedback import RaterKind
from shared.contracts.outcomes import Severity
from shared.web import ApiModel, Name, Words, text

Said = Annotated[Words, text(10_000)]


class Acknowledge(ApiModel):
    """Somebody has seen it. A machine names the acting person by `actor`."""

    actor: Name | None = None


class Review(ApiModel):
    """Somebody has looked into a risk: how, and with what outcome."""

    seen_how: Said
    outcome: Said
    actor: Name | None = None


class Resolve(ApiModel):
    """Somebody ends an alert that is not about risk, and says why."""

    reason: Said
    note: Words | None = None
    actor: Name | None = None


class RuleView(ApiModel):
    """Which rule, in which version."""

    id: str
    version: int


class RaterView(ApiModel):
    """Who rated."""

    kind: RaterKind
    id: str | None = None


class HistoryView(ApiModel):
    """One thing that happened to the alert; `by` is the person named, or `rule`; `to` whose it is
    from then on."""

    at: datetime
    what: Literal[
        "raised",
        "repeated",
        "source_changed",
        "assigned",
        "acknowledged",
        "reviewed",
        "resolved",
        "withdrawn",
    ]
    by: str | None = None
    to: str | None = None
    severity: Severity | None = None
    cause_id: str | None = None
    inputs: dict[str, float] | None = None
    note: str | None = None
    seen_how: str | None = None
    outcome: str | None = None
    reason: str | None = None


class AlertView(ApiModel):
    """An alert and why it fired.

    `inputs` and `thresholds` are points; they and the texts are empty once the client is erased.
    `held_back_since` is there while an event of the client could not be read. Alerts on the
    episode as a whole have neither measure nor rater. `assignee` is who answers for it by the care
    team as it stands now; `ownerless`: it is open, and there is nobody left who would.
    """

    id: str
    client_id: str
    episode_id: str
    episode_status: Literal["open", "closed", "unknown"]
    rule: RuleView
    kind: str
    measure: str | None
    rater: RaterView | None
    severity: Severity
    status: Status
    historical: bool
    source_changed: bool
    raised_at: datetime
    occurred_at: datetime
    inputs: dict[str, float]
    thresholds: dict[str, float]
    counterfactual: str
    text: str
    flags: list[str]
    assignee: str | None
    ownerless: bool
    history: list[HistoryView]
    held_back_since: datetime | None
    version: int
    link: str


class AlertPage(ApiModel):
    """A page of alerts, the newest first."""

    items: list[AlertView]
    next: str | None


class CountsView(ApiModel):
    """How many alerts are open by severity, and how many of them are nobody's."""

    open: dict[Severity, int]
    ownerless: int


class Done(ApiModel):
    """How the alert stands after what was asked."""

    id: str
    client_id: str
    episode_id: str
    status: Status
    severity: Severity
    version: int
    position: str
    link: str
