"""A body that each operation takes, as small as it may be. `<name>`: a thing of a `World`."""

from dataclasses import dataclass, field
from typing import Any, Literal

AT = "2026-03-05T09:00:00Z"
LATER = "2026-04-05T09:00:00Z"
OPENED = "2026-01-05T09:00:00Z"
EPISODE = {"opened_at": OPENED, "kind": "individual"}
SESSION = {"starts_at": AT, "status": "held", "type": "treatment"}
RATING = {"measure": "ors", "occurred_at": AT, "total": 20.0}


@dataclass(frozen=True)
class Example:
    """What goes with a call. `about`: whose the things in it are, where that is not plain.

    `first`: what has to be done before; `machine`: what a machine says beside; `names`: which of
    such things a name in the path is.
    """

    body: Any = None
    lines: tuple[dict[str, Any], ...] = ()
    form: dict[str, str] | None = None
    query: str = ""
    about: Literal["client", "organisation", "nothing"] | None = None
    first: tuple[str, ...] = ()
    machine: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


BY_DR_A = {"actor": "Dr A"}
BY_SOMEBODY = {"actor": "<administrator>"}
MEASURE = {
    "key": "<new_key>",
    "version": 1,
    "title": "Mood",
    "kind": "outcome",
    "better": "higher",
    "items": [{"id": "1", "axis": "Mood", "low": 0, "high": 5, "step": 1}],
    "total": {"low": 0, "high": 5, "step": 1},
    "missing": {"most": 0},
    "licence": {"holder": "Us", "ships": "scoring", "note": "Ours."},
    "source": "Our own pilot.",
}
WORDING = {
    "language": "de",
    "wording": {
        "title": "Wie es geht",
        "items": {"1": "Stimmung"},
        "attribution": "Wir",
        "source": "Wir",
    },
    "licence": "Our own",
    "attested_by": "A. Person",
}
RULES: dict[str, Any] = {"rules": []}

EXAMPLES: dict[str, Example] = {
    # Who is in care.
    "POST /intake/v1/clients": Example({"external_id": "<new>"}),
    "POST /intake/v1/clients/search": Example({"external_id": "<new>"}),
    "PATCH /intake/v1/clients/{client_id}": Example({"language": "de"}),
    "POST /intake/v1/clients/{client_id}/consents": Example({"purpose": "research", "given": True}),
    "POST /intake/v1/clients/{client_id}/measuring": Example({"state": "on"}),
    "POST /intake/v1/clients/{client_id}/related-people": Example(
        {"relation": "guardian", "may_see": []}
    ),
    "POST /intake/v1/clients/{client_id}/merge": Example(
        {"into": "<other_client>", "reason": "the same person"}
    ),
    "POST /intake/v1/clients/{client_id}/unmerge": Example(
        {"reason": "not the same person"}, first=("POST /intake/v1/clients/{client_id}/merge",)
    ),
    "PUT /intake/v1/clients/{client_id}/related-people/{related_id}": Example(
        {"relation": "guardian", "may_see": ["outcomes"]}
    ),
    "POST /intake/v1/clients/{client_id}/sign-in-codes": Example({}),
    "POST /intake/v1/clients/{client_id}/erasure-requests": Example({"reason": "asked to"}),
    "POST /intake/v1/clients/{client_id}/restriction/lift": Example({}, machine=BY_SOMEBODY),
    "POST /intake/v1/erasure-requests/{request_id}/approve": Example({}, machine=BY_SOMEBODY),
    "POST /intake/v1/erasure-requests/{request_id}/refuse": Example(
        {"reason": "to be kept"}, machine=BY_SOMEBODY
    ),
    "POST /intake/v1/episodes/{episode_id}/care-team": Example(
        [
            {"person_id": "<clinician>", "role": "lead", "from": OPENED},
            {"person_id": "<former clinician>", "role": "co", "from": OPENED, "to": AT},
        ]
    ),
    "POST /intake/v1/episodes": Example({**EPISODE, "client_id": "<client>"}),
    "POST /intake/v1/episodes/{episode_id}/close": Example({"closed_at": AT, "ending": "planned"}),
    "POST /intake/v1/episodes/{episode_id}/reopen": Example(
        {"at": LATER}, first=("POST /intake/v1/episodes/{episode_id}/close",)
    ),
    "POST /intake/v1/episodes/{episode_id}/transfer": Example(
        {"to_clinician_id": "<clinician>", "at": AT}
    ),
    "POST /intake/v1/sessions": Example({**SESSION, "episode_id": "<episode>"}),
    "PUT /intake/v1/sessions/{session_id}": Example(SESSION),
    "POST /intake/v1/bulk": Example(
        lines=({"kind": "client", "external_id": "<new>"},), about="nothing"
    ),
    # Who may use the platform.
    "POST /intake/v1/people": Example({"name": "Somebody", "roles": ["operator"]}),
    "POST /intake/v1/clinics": Example({"name": "South", "timezone": "Europe/Berlin"}),
    "POST /intake/v1/people/{person_id}/roles": Example({"role": "operator"}),
    "POST /intake/v1/people/{person_id}/hand-over": Example({"to_person_id": "<clinician>"}),
    "POST /intake/v1/people/{person_id}/sign-in-links": Example({}),
    "POST /intake/v1/teams": Example({"name": "New", "lead_ids": [], "member_ids": []}),
    "PUT /intake/v1/teams/{team_id}": Example(
        {"name": "Old", "lead_ids": ["<supervisor>"], "member_ids": ["<clinician>"]}
    ),
    "PUT /intake/v1/organisation/consent-policy": Example({"defaults": {"research": False}}),
    "PUT /intake/v1/organisation/sign-in-policy": Example({"second_factor_roles": []}),
    "PUT /intake/v1/organisation/identity-provider": Example({"issuer": ""}),
    "DELETE /intake/v1/integrations/{integration_id}/secrets/{secret_id}": Example(
        first=("POST /intake/v1/integrations/{integration_id}/rotate",)
    ),
    "DELETE /intake/v1/sign-ins/{session_id}": Example(names={"session": "sign_in"}),
    "POST /intake/v1/integrations": Example({"name": "Feed", "scopes": ["intake.read"]}),
    "PUT /intake/v1/integrations/{integration_id}/keys": Example({"keys": []}),
    "POST /intake/oauth/token": Example(form={"grant_type": "client_credentials"}),
    "POST /intake/oauth/revoke": Example(form={"token": "x"}),
    # What clients say.
    "POST /feedback/v1/measures": Example(MEASURE),
    "POST /feedback/v1/measures/{key}/retire": Example({"reason": "not asked any more"}),
    "POST /feedback/v1/measures/{key}/wordings": Example(WORDING),
    "POST /feedback/v1/ratings": Example({**RATING, "episode_id": "<episode>"}),
    "POST /feedback/v1/ratings/bulk": Example(
        lines=({**RATING, "episode_id": "<episode>"},), about="nothing"
    ),
    "POST /feedback/v1/ratings/decline": Example({"episode_id": "<episode>", "measure": "ors"}),
    "POST /feedback/v1/ratings/{rating_id}/correct": Example(
        {"occurred_at": AT, "reason": "the wrong day"}
    ),
    "POST /feedback/v1/ratings/{rating_id}/void": Example({"reason": "the wrong form"}),
    "POST /feedback/v1/ratings/{rating_id}/move": Example(
        {"episode_id": "<episode>", "reason": "the wrong client"}
    ),
    # What it adds up to, and who must know now.
    "POST /outcomes/v1/rules": Example(RULES),
    "POST /outcomes/v1/rules/rollback": Example({"version": 1}),
    "POST /outcomes/v1/rules/backtest": Example(RULES),
    "POST /alerts/v1/alerts/{alert_id}/acknowledge": Example({}, machine=BY_DR_A),
    "POST /alerts/v1/alerts/{alert_id}/review": Example(
        {"seen_how": "by telephone", "outcome": "safe"}, machine=BY_DR_A
    ),
    "POST /alerts/v1/alerts/{alert_id}/resolve": Example(
        {"reason": "seen"}, machine=BY_DR_A, names={"alert": "rule_alert"}
    ),
}
