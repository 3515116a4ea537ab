"""What integrations do to the platform while its processes die, and the ledger of what was said
to be done."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

import httpx

Kind = Literal["RatingSubmitted", "RatingCorrected", "RatingVoided"]

PAUSE_SECONDS = 0.5
ARRIVAL_SECONDS = 0.3
RETRY_SECONDS = 0.2
ATTEMPT_SECONDS = 8
TOKEN_SECONDS = 200
HIGHEST = {"phq-9": 27, "bdi": 63}


class Entry(NamedTuple):
    """One acknowledged command on a rating: the rating as it stands from `version` of its stream
    on. Points; `risk` is the answer to item 9, None for a form without one."""

    kind: Kind
    tenant: str
    client_id: str
    episode_id: str
    version: int
    rating_id: str
    measure: str
    occurred_at: datetime
    total: int
    risk: int | None


@dataclass
class Ledger:
    """What was acknowledged: clients (tenant, id), episodes (tenant, client, id) and entries.

    `unknown` counts the attempts whose connection broke, `refused` those that were told to come
    again; `wrong` is every other answer, of which there must be none.
    """

    clients: list[tuple[str, str]] = field(default_factory=list)
    episodes: list[tuple[str, str, str]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    unknown: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)
    in_flight: int = 0


class Integration:
    """One organisation's machine: each command is repeated under its key until it is answered."""

    def __init__(self, up: dict[str, Any], number: int, ledger: Ledger) -> None:
        self.organisation = up["organisations"][number]
        self.ledger = ledger
        limits = httpx.Limits(max_connections=64)
        self.http = httpx.AsyncClient(
            base_url=up["base_url"], timeout=ATTEMPT_SECONDS, limits=limits, trust_env=False
        )
        self._signing_in = asyncio.Lock()
        self._until = 0.0

    async def post(self, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        """What a command is answered, in the end."""
        self.ledger.in_flight += 1
        try:
            return await self._until_answered("POST", path, {"Idempotency-Key": key}, body)
        finally:
            self.ledger.in_flight -= 1

    async def get(self, path: str) -> dict[str, Any]:
        """What a question is answered, in the end."""
        return await self._until_answered("GET", path, {}, None)

    async def _until_answered(
        self, method: str, path: str, headers: dict[str, str], body: dict[str, Any] | None
    ) -> dict[str, Any]:
        while True:
            try:
                token = await self._token()
                sent = headers | {"Authorization": token}
                answer = await self.http.request(method, path, json=body, headers=sent)
            except httpx.TransportError:
                self.ledger.unknown += 1
            else:
                if answer.is_success:
                    found: dict[str, Any] = answer.json()
                    return found
                self._note(answer)
            await asyncio.sleep(RETRY_SECONDS)

    def _note(self, answer: httpx.Response) -> None:
        if (
            answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
            and "retry-after" in answer.headers
        ):
            self.ledger.refused += 1
        else:
            now = datetime.now(UTC).time()
            words = f"{now} {answer.request.method} {answer.request.url.path}: {answer.status_code}"
            self.ledger.wrong.append(f"{words} {answer.text[:300]}")

    async def _token(self) -> str:
        async with self._signing_in:
            now = asyncio.get_running_loop().time()
            while now >= self._until:
                basic = self.organisation["client_id"], self.organisation["client_secret"]
                form = {"grant_type": "client_credentials"}
                with suppress(httpx.TransportError):
                    answer = await self.http.post("/intake/oauth/token", data=form, auth=basic)
                    if answer.is_success:
                        self._bearer = f"Bearer {answer.json()['access_token']}"
                        self._until = now + TOKEN_SECONDS
                        break
                    self._note(answer)
                await asyncio.sleep(RETRY_SECONDS)
        return self._bearer


class Client:
    """One client in care: submits, corrects and voids ratings of an episode, one at a time."""

    def __init__(self, integration: Integration, seed: str) -> None:
        self._site = integration
        self._chance = random.Random(seed)
        self._tenant: str = integration.organisation["id"]
        self._began = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=40)
        self._measure = self._chance.choice(["phq-9", "bdi"])
        self._level = {"phq-9": 12.0, "bdi": 28.0}
        self._present: dict[str, Entry] = {}
        self._count = 0

    async def live(self, enough: asyncio.Event) -> None:
        """Until it is enough."""
        client_id = (await self._site.post("/intake/v1/clients", {}, self._key()))["id"]
        self._site.ledger.clients.append((self._tenant, client_id))
        body = {
            "client_id": client_id,
            "opened_at": self._began.isoformat(),
            "kind": "individual",
            "age_group": "adult",
        }
        episode_id = (await self._site.post("/intake/v1/episodes", body, self._key()))["id"]
        self._site.ledger.episodes.append((self._tenant, client_id, episode_id))
        while not enough.is_set():
            entry = await self._act(client_id, episode_id)
            self._site.ledger.entries.append(entry)
            self._present[entry.rating_id] = entry
            if entry.kind == "RatingVoided":
                del self._present[entry.rating_id]
            with suppress(TimeoutError):
                await asyncio.wait_for(enough.wait(), PAUSE_SECONDS)

    async def _act(self, client_id: str, episode_id: str) -> Entry:
        what = self._chance.random()
        if what < 0.75 or len(self._present) < 3:
            return await self._submit(client_id, episode_id)
        former = self._chance.choice(list(self._present.values()))
        return await (self._correct(former) if what < 0.92 else self._void(former))

    async def _submit(self, client_id: str, episode_id: str) -> Entry:
        other = "bdi" if self._measure == "phq-9" else "phq-9"
        measure = self._measure if self._chance.random() < 0.75 else other
        occurred_at, (content, total, risk) = self._time(), self._form(measure)
        body = {
            "episode_id": episode_id,
            "measure": measure,
            "occurred_at": occurred_at.isoformat(),
            **content,
        }
        said = await self._site.post("/feedback/v1/ratings", body, self._key())
        return Entry(
            "RatingSubmitted",
            self._tenant,
            client_id,
            episode_id,
            said["version"],
            said["id"],
            measure,
            occurred_at,
            total,
            risk,
        )

    async def _correct(self, former: Entry) -> Entry:
        content, total, risk = self._form(former.measure)
        while (total, risk) == (former.total, former.risk):
            content, total, risk = self._form(former.measure)
        occurred_at = self._time() if self._chance.random() < 0.25 else former.occurred_at
        body = {**content, "occurred_at": occurred_at.isoformat(), "reason": "misread"}
        path = f"/feedback/v1/ratings/{former.rating_id}/correct"
        said = await self._site.post(path, body, self._key())
        return former._replace(
            kind="RatingCorrected",
            version=said["version"],
            occurred_at=occurred_at,
            total=total,
            risk=risk,
        )

    async def _void(self, former: Entry) -> Entry:
        path = f"/feedback/v1/ratings/{former.rating_id}/void"
        said = await self._site.post(path, {"reason": "another client's"}, self._key())
        return former._replace(kind="RatingVoided", version=said["version"])

    def _time(self) -> datetime:
        """Mostly later than all before; now and then earlier, or at the same time."""
        chance = self._chance.random()
        self._count += 1
        if chance < 0.15:
            return self._began + timedelta(minutes=self._chance.randint(1, self._count))
        if chance < 0.2:
            self._count -= 1
        return self._began + timedelta(minutes=self._count)

    def _form(self, measure: str) -> tuple[dict[str, Any], int, int | None]:
        """A form that is filled in, its total and its answer about risk."""
        step = self._chance.gauss(0, 2) + self._chance.choice([0, 0, 0, 9, -9])
        self._level[measure] = min(HIGHEST[measure], max(0, self._level[measure] + step))
        total = round(self._level[measure])
        if measure == "bdi":
            return {"total": total}, total, None
        risk = self._chance.choice([0] * 18 + [1, 3])
        items = {str(number): 0 for number in range(1, 9)} | {"9": risk}
        for point in range(total - risk):
            items[str(point % 8 + 1)] = min(3, items[str(point % 8 + 1)] + 1)
        return {"items": items}, sum(items.values()), risk

    def _key(self) -> str:
        return str(UUID(int=self._chance.getrandbits(128)))


async def live_together(
    sites: Sequence[Integration], count: int, seed: int, enough: asyncio.Event
) -> None:
    """`count` clients, who come one after the other, until it is enough."""
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            client = Client(sites[number % len(sites)], f"{seed} {number}")
            group.create_task(client.live(enough))
            await asyncio.sleep(ARRIVAL_SECONDS)
