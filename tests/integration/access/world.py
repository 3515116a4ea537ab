"""An organisation with everything that a request can name, and everybody who can make one."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from services.intake.organisations import Organisations
from shared.ids import new_id
from shared.security import SCOPES, Principal, SigningKeys, TokenIssuer
from shared.security.principal import StaffRole
from tests.integration.access.examples import MEASURE
from tests.support.platform import Platform

OPENED = "2026-01-05T09:00:00Z"
HANDED_OVER = "2026-02-05T09:00:00Z"
CSRF = "c" * 32

NOBODY, BAD_TOKEN = "nobody", "bad token"
PEOPLE: dict[str, StaffRole] = {
    "clinician": "clinician",
    "former clinician": "clinician",
    "supervisor": "supervisor",
    "supervisor of others": "supervisor",
    "operator": "operator",
    "administrator": "administrator",
}
THEMSELVES = {
    "client": "client",
    "other client": "other_client",
    "related who may see": "related who may see",
    "related who may not": "related who may not",
}
"""Callers who are somebody of a case, and who."""
MACHINES = ("integration", "integration without scopes")
CALLERS = (NOBODY, BAD_TOKEN, *MACHINES, *PEOPLE, *THEMSELVES)
STRANGE_KEYS = SigningKeys.generate()


@dataclass
class World:
    """One organisation: what there is of it by name, and its callers."""

    platform: Platform
    tenant: str
    name: str
    things: dict[str, str] = field(default_factory=dict)
    principals: dict[str, Principal] = field(default_factory=dict)

    def principal(self, caller: str, case: Mapping[str, str] | None = None) -> Principal:
        """Who the caller is; of clients and those close to them, the one of a case."""
        if caller in THEMSELVES:
            return client_of(self.tenant, (case or self.things)[THEMSELVES[caller]])
        return self.principals[caller]

    def token(self, caller: str, case: Mapping[str, str] | None = None) -> str | None:
        """What the caller shows; None for nobody."""
        if caller == NOBODY:
            return None
        if caller == BAD_TOKEN:
            stranger = TokenIssuer(STRANGE_KEYS, self.platform.base_url)
            return stranger.issue(self.principals["administrator"])
        return self.platform.token(self.principal(caller, case))

    def http(
        self, caller: str = "integration", case: Mapping[str, str] | None = None
    ) -> httpx.AsyncClient:
        """The platform as the caller sees it."""
        return self.platform.http(self.token(caller, case))

    async def post(self, path: str, body: dict[str, Any], caller: str = "integration") -> Any:
        """What is answered to a call that must succeed."""
        async with self.http(caller) as http:
            answer = await http.post(path, json=body)
        assert answer.is_success, f"{path}: {answer.text}"
        return answer.json()

    async def get(self, path: str, caller: str = "integration") -> Any:
        """What is answered to a call that must succeed."""
        async with self.http(caller) as http:
            answer = await http.get(path)
        assert answer.is_success, f"{path}: {answer.text}"
        return answer.json()


async def make_world(platform: Platform, name: str) -> World:
    """An organisation with its people, its teams, and a client in the clinician's care."""
    organisations: Organisations = platform.apps["intake"].state.organisations
    world = World(platform, await organisations.register(name), name)
    world.principals["integration"] = machine(world.tenant, SCOPES)
    world.principals["integration without scopes"] = machine(world.tenant, ())
    for caller, role in PEOPLE.items():
        invited = {"name": f"{name} {caller}", "roles": [role]}
        person_id = (await world.post("/intake/v1/people", invited))["id"]
        world.principals[caller] = person(world.tenant, person_id, role)
        world.things[caller] = person_id
    await form_teams(world)
    await decide_for_all(world)
    await take_into_care(world)
    return world


async def form_teams(world: World) -> None:
    """The supervisor leads the clinician's team, the other supervisor one of nobody else."""
    things = world.things
    clinic = {"name": f"{world.name} North", "timezone": "Europe/Berlin"}
    things["clinic"] = (await world.post("/intake/v1/clinics", clinic))["id"]
    led = {
        "name": f"{world.name} team",
        "lead_ids": [things["supervisor"]],
        "member_ids": [things["clinician"]],
    }
    things["role"] = "operator"
    things["team"] = (await world.post("/intake/v1/teams", led))["id"]
    other = {"name": "Others", "lead_ids": [things["supervisor of others"]], "member_ids": []}
    await world.post("/intake/v1/teams", other)


async def decide_for_all(world: World) -> None:
    """A measure and a machine of the organisation's own."""
    things = world.things
    measure = {**MEASURE, "key": f"m-{world.name.lower()}", "title": f"Mood at {world.name}"}
    things["measure"] = (await world.post("/feedback/v1/measures", measure))["key"]
    things |= await new_machine(world) | {"person": await new_person(world)}
    things["sign_in"] = new_id()


async def new_machine(world: World) -> dict[str, str]:
    """A machine and its secret."""
    asked = {"name": f"{world.name} feed", "scopes": ["intake.read"]}
    made = await world.post("/intake/v1/integrations", asked, "administrator")
    return {"integration": made["id"], "secret": made["secret_id"]}


async def new_person(world: World) -> str:
    """Somebody who has been invited."""
    somebody = {"name": f"{world.name} Somebody", "roles": ["operator"]}
    return str((await world.post("/intake/v1/people", somebody))["id"])


async def take_into_care(world: World) -> None:
    """The client whom all is about, one who is nobody's, and two who are related to the first."""
    other = (await world.post("/intake/v1/clients", {"external_id": "p-other"}))["id"]
    world.things["other_client"] = other
    [case] = await new_cases(world, ["1"])
    world.things |= case
    world.things["request"] = await ask_for_erasure(world, world.things["client"])
    await world.platform.carry()


async def ask_for_erasure(world: World, client_id: str) -> str:
    """The clinician asks for it; somebody else has to decide."""
    path = f"/intake/v1/clients/{client_id}/erasure-requests"
    return str((await world.post(path, {"reason": "asked to"}, "clinician"))["id"])


async def new_cases(world: World, numbers: Sequence[str]) -> list[dict[str, str]]:
    """Clients whom the clinician has taken over from the former one, with alerts open."""
    cases = await asyncio.gather(*(begin(world, number) for number in numbers))
    await world.platform.carry()
    last = await asyncio.gather(*(rate(world, *one) for one in zip(cases, numbers, strict=True)))
    await world.platform.carry()
    for case, rating in zip(cases, last, strict=True):
        case |= {"rating": rating, **await alerts_of(world, case["client"])}
    return cases


async def begin(world: World, number: str) -> dict[str, str]:
    """A client in care, who had a session."""
    things = world.things
    client = await world.post(
        "/intake/v1/clients",
        {
            "external_id": f"p-{number}",
            "identifiers": [{"system": "mrn", "value": f"mrn-{number}"}],
            "given_name": "Ada",
            "family_name": world.name,
            "birth_date": "1990-05-06",
        },
    )
    episode = await world.post(
        "/intake/v1/episodes",
        {
            "client_id": client["id"],
            "external_id": f"e-{number}",
            "clinician_id": things["former clinician"],
            "opened_at": OPENED,
            "kind": "individual",
        },
    )
    handed = {"to_clinician_id": things["clinician"], "at": HANDED_OVER}
    await world.post(f"/intake/v1/episodes/{episode['id']}/transfer", handed)
    session = await world.post(
        "/intake/v1/sessions",
        {
            "episode_id": episode["id"],
            "external_id": f"s-{number}",
            "starts_at": OPENED,
            "status": "held",
            "type": "treatment",
        },
    )
    found = {"client": client["id"], "episode": episode["id"], "session": session["id"]}
    return found | await relate(world, client["id"])


async def relate(world: World, client_id: str) -> dict[str, str]:
    """Two guardians of a client, of whom one may see how it goes."""
    path = f"/intake/v1/clients/{client_id}/related-people"
    found = {}
    for caller, may_see in (("related who may see", ["outcomes"]), ("related who may not", [])):
        body = {"relation": "guardian", "name": f"Guardian {world.name}", "may_see": may_see}
        found[caller] = (await world.post(path, body))["id"]
    return found | {"related": found["related who may not"]}


async def rate(world: World, case: Mapping[str, str], number: str) -> str:
    """Ratings that alert, by a risk and by a rule; gives the last one's id."""
    now = datetime.now(UTC)
    said: tuple[dict[str, Any], ...] = (
        {"measure": "ors", "total": 30.0},
        {"measure": "ors", "total": 10.0},
        {"measure": "phq-9", "items": {str(item): 1 for item in range(1, 9)} | {"9": 3}},
    )
    for days, form in enumerate(said):
        rating = {
            "episode_id": case["episode"],
            "external_id": f"r-{number}-{days}",
            "occurred_at": (now - timedelta(days=len(said) - days)).isoformat(),
            "note": f"words of client {number} of {world.name}",
        }
        last = await world.post("/feedback/v1/ratings", rating | form)
    return str(last["id"])


async def alerts_of(world: World, client_id: str) -> dict[str, str]:
    """The alert of a client's risk and that of a rule."""
    alerts = (await world.get(f"/alerts/v1/alerts?client_id={client_id}"))["items"]
    by_rule = {alert["rule"]["id"]: alert["id"] for alert in alerts}
    return {"alert": by_rule["risk_item"], "rule_alert": by_rule["reliable_deterioration"]}


def machine(tenant: str, scopes: tuple[str, ...]) -> Principal:
    """An integration that holds these scopes."""
    return Principal(tenant=tenant, id=new_id(), kind="integration", scopes=frozenset(scopes))


def person(tenant: str, person_id: str, role: StaffRole) -> Principal:
    """Somebody of the staff who has signed in."""
    return Principal(
        tenant=tenant,
        id=person_id,
        kind="person",
        roles=frozenset({role}),
        session=new_id(),
        csrf=CSRF,
    )


def client_of(tenant: str, client_id: str) -> Principal:
    """A client, or somebody related to one, who has signed in."""
    return Principal(tenant=tenant, id=client_id, kind="client", session=new_id(), csrf=CSRF)
