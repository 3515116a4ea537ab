"""Who looked, as every service tells it: to administrators, and to clients of themselves."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.access import AuditLog
from shared.contracts.intake import RelatedPersonAdded
from shared.ids import new_id
from shared.security import SCOPES, Principal
from shared.security.policy import POLICY
from tests.conftest import MakeDatabase
from tests.integration.reach.home import Home, registered
from tests.support.platform import SERVICES, Platform, lay_ground, open_platform

VIEWS = POLICY["views.read"]


@pytest.fixture(scope="module")
async def platform(
    make_database: MakeDatabase, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Platform]:
    """The four services in this process."""
    folder = tmp_path_factory.mktemp("platform")
    async with open_platform(await lay_ground(make_database, redis_url, folder)) as opened:
        yield opened


class Place:
    """One service, with a client whom a clinician looked at."""

    def __init__(self, platform: Platform, service: str) -> None:
        self.platform, self.service = platform, service
        app = platform.apps[service]
        self.log: AuditLog = app.state.audit
        self.home = Home(platform.urls[service], self.log.database, app.state.access)
        self.administrator = self.home.person("administrator")
        self.clinician = self.home.person("clinician")
        self.client, self.guardian, self.caretaker = new_id(), new_id(), new_id()

    async def prepare(self) -> None:
        """The clinician looks at the client and at somebody else."""
        await self.home.hear(
            registered(self.client), *map(self._related, (self.guardian, self.caretaker))
        )
        for client in (self.client, new_id()):
            await self.log.record(self.clinician, VIEWS, "GET /x", [client], why="care")

    def _related(self, id_: str) -> tuple[str, RelatedPersonAdded]:
        return f"client-{self.client}", RelatedPersonAdded(
            client_id=self.client,
            related_id=id_,
            relation="guardian" if id_ == self.guardian else "caretaker",
            may_see=["outcomes"],
        )

    async def get(
        self, principal: Principal, path: str, **params: str
    ) -> tuple[int, dict[str, Any]]:
        """The status and what is answered."""
        async with self.platform.http(self.platform.token(principal)) as http:
            answer = await http.get(f"/{self.service}/v1/{path}", params=params)
        return answer.status_code, answer.json()

    async def written(self) -> list[tuple[str, str, str, str]]:
        """All rows of the organisation, the oldest first."""
        rows = await self.home.rows("SELECT * FROM audit ORDER BY audit_id")
        return [(r["principal_id"], r["why"], r["action"], r["client_id"]) for r in rows]


@pytest.fixture(params=SERVICES)
async def place(platform: Platform, request: pytest.FixtureRequest) -> Place:
    """An organisation of its own in each service."""
    place = Place(platform, request.param)
    await place.prepare()
    return place


async def test_an_administrator_finds_who_looked_and_that_is_written_down_too(
    place: Place,
) -> None:
    status, page = await place.get(place.administrator, "audit", client_id=place.client)
    assert status == 200
    asked, looked = page["items"]
    assert looked["principal"] == {"kind": "person", "id": place.clinician.id}
    assert (looked["permission"], looked["why"]) == ("views.read", "care")
    assert looked["client_id"] == place.client
    assert asked["principal"]["id"] == place.administrator.id
    action = f"GET /{place.service}/v1/audit"
    last = (place.administrator.id, "administrator", action, place.client)
    assert (await place.written())[-1] == last

    status, page = await place.get(place.administrator, "audit", permission="views.read")
    assert (status, len(page["items"])) == (200, 2)
    assert (await place.written())[-1][-1] == ""
    status, page = await place.get(place.administrator, "audit", limit="1")
    assert page["items"][0]["client_id"] is None
    assert page["next"] is not None


async def test_a_client_sees_who_looked_at_them_and_nobody_else(place: Place) -> None:
    for who in (place.client, place.guardian):
        status, page = await place.get(place.home.client(who), f"clients/{place.client}/audit")
        assert status == 200
        oldest = page["items"][-1]
        assert oldest["principal"] == {"kind": "person", "id": place.clinician.id}
        assert set(oldest) == {"at", "principal", "why", "action", "permission"}
    action = f"GET /{place.service}/v1/clients/{{client_id}}/audit"
    assert (place.guardian, "related", action, place.client) in await place.written()


async def test_nobody_else_is_told(place: Place) -> None:
    own = f"clients/{place.client}/audit"
    others = [place.home.client(place.caretaker), place.home.client(new_id())]
    for who in others:
        assert (await place.get(who, own))[0] == 404
    machine = place.home.machine(*SCOPES)
    for who in (place.clinician, place.home.person("operator"), machine, *others):
        assert (await place.get(who, "audit"))[0] == 403
    for who in (place.clinician, place.administrator, machine):
        assert (await place.get(who, own))[0] == 403
    elsewhere = place.home.another().person("administrator")
    assert (await place.get(elsewhere, "audit", client_id=place.client))[1]["items"][1:] == []
    assert len(await place.written()) == 2


@pytest.mark.parametrize(
    "params",
    [
        {"client_id": "x"},
        {"principal_id": "' OR true"},
        {"permission": "views.read'--"},
        {"since": "yesterday"},
        {"until": "2026-01-01T00:00:00"},
        {"cursor": "x"},
        {"limit": "1000"},
    ],
)
async def test_what_cannot_be_asked_is_said(platform: Platform, params: dict[str, str]) -> None:
    place = Place(platform, "outcomes")
    status, problem = await place.get(place.administrator, "audit", **params)
    assert (status, problem["code"]) == (422, "invalid")
