"""An organisation with an administrator and a machine, for tests of who works in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from services.intake.organisations import Organisations
from shared.contracts.people import StaffRole
from shared.ids import new_id
from shared.security import SCOPES, Principal
from tests.support.platform import SERVICES, Platform
from tests.support.waiting import eventually_async

GATE_SECONDS = 5
"""What has ended is refused within this time."""

LOOKS = {
    "intake": "/intake/v1/people",
    "feedback": "/feedback/v1/measures",
    "outcomes": "/outcomes/v1/rules",
    "alerts": "/alerts/v1/alerts",
}
"""What anybody of these tests may look at, in each service."""


@dataclass(frozen=True)
class House:
    """One organisation; `admin` and `machine` call for it."""

    platform: Platform
    tenant: str
    admin: httpx.AsyncClient
    machine: httpx.AsyncClient

    async def invite(self, *roles: StaffRole, name: str = "Robin Doe") -> str:
        """Somebody new; their id."""
        body = {"name": name, "roles": list(roles or ("clinician",))}
        answer = await self.admin.post("/intake/v1/people", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def token(self, person_id: str, *roles: StaffRole) -> str:
        """A token of somebody who has signed in."""
        return self.platform.token(person(self.tenant, person_id, *roles))

    async def episode(self, clinician_id: str) -> str:
        """An episode that somebody leads, of a new client."""
        client = await self.machine.post("/intake/v1/clients", json={"given_name": "Ada"})
        body = {
            "client_id": client.json()["id"],
            "clinician_id": clinician_id,
            "opened_at": "2026-01-05T09:00:00Z",
            "kind": "individual",
        }
        answer = await self.machine.post("/intake/v1/episodes", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def statuses(self, token: str, services: Sequence[str] = SERVICES) -> dict[str, int]:
        """What each service answers to a token."""
        async with self.platform.http(token) as http:
            return {name: (await http.get(LOOKS[name])).status_code for name in services}

    async def refused_everywhere(self, token: str, services: Sequence[str] = SERVICES) -> None:
        """Wait until every service refuses the token."""
        await self.platform.carry()

        async def refused() -> bool:
            return set((await self.statuses(token, services)).values()) == {401}

        await eventually_async(refused, GATE_SECONDS)


def person(tenant: str, person_id: str, *roles: StaffRole) -> Principal:
    """Somebody who has signed in."""
    return Principal(
        tenant=tenant,
        id=person_id,
        kind="person",
        roles=frozenset(roles),
        session=new_id(),
        csrf="c" * 32,
    )


async def new_house(platform: Platform) -> House:
    """An organisation with an administrator who is no person of its list, and with a machine."""
    organisations: Organisations = platform.apps["intake"].state.organisations
    tenant = await organisations.register("Clinic network")
    machine = Principal(tenant=tenant, id=new_id(), kind="integration", scopes=frozenset(SCOPES))
    admin = person(tenant, new_id(), "administrator")
    return House(
        platform,
        tenant,
        platform.http(platform.token(admin)),
        platform.http(platform.token(machine)),
    )


async def granted(house: House, client_id: str, secret: str) -> dict[str, Any]:
    """What the token endpoint answers to a secret."""
    async with house.platform.http() as http:
        answer = await http.post(
            "/intake/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(client_id, secret),
        )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())
