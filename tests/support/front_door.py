"""The platform as an integration uses it: tokens, commands, the stream of alerts."""

import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

TOKEN_SECONDS = 240


@dataclass
class Message:
    """One server-sent event."""

    id: str
    name: str
    data: dict[str, Any]


async def fields_in(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, str]]:
    """The messages in the lines of a stream, field by field; comments are no messages."""
    fields: dict[str, str] = {}
    async for line in lines:
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield fields
            fields = {}


async def messages(lines: AsyncIterator[str]) -> AsyncIterator[Message]:
    """The messages in the lines of a stream of ours."""
    async for fields in fields_in(lines):
        yield Message(fields["id"], fields["event"], json.loads(fields["data"]))


class FrontDoor:
    """One organisation's integration, as `up.json` names it."""

    def __init__(self, up: dict[str, Any], number: int = 0) -> None:
        self._organisation = up["organisations"][number]
        self.http = httpx.AsyncClient(base_url=up["base_url"], timeout=30)
        self._token_until = 0.0

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """An answer that is no error."""
        answer = await self.tried(method, path, **options)
        assert answer.is_success, answer.text
        return answer

    async def tried(self, method: str, path: str, **options: Any) -> httpx.Response:
        """An answer, whatever it says."""
        await self._sign_in()
        return await self.http.request(method, path, **options)

    async def post(self, path: str, body: dict[str, Any], **options: Any) -> dict[str, Any]:
        """Post JSON; what is answered."""
        answer: dict[str, Any] = (await self.call("POST", path, json=body, **options)).json()
        return answer

    async def get(self, path: str, **options: Any) -> dict[str, Any]:
        """What is answered."""
        answer: dict[str, Any] = (await self.call("GET", path, **options)).json()
        return answer

    async def items(self, path: str) -> AsyncIterator[dict[str, Any]]:
        """Everything in a list, page by page."""
        cursor: dict[str, str] = {}
        while True:
            page = await self.get(path, params={"limit": 200} | cursor)
            for item in page["items"]:
                yield item
            if page["next"] is None:
                return
            cursor = {"cursor": page["next"]}

    async def bulk(
        self, path: str, lines: Sequence[dict[str, Any]], headers: dict[str, str] | None = None
    ) -> list[dict[str, Any]]:
        """Post NDJSON; the outcome of each line."""
        body = b"\n".join(json.dumps(line).encode() for line in lines)
        headers = {"Content-Type": "application/x-ndjson"} | (headers or {})
        answer = await self.call("POST", path, content=body, headers=headers)
        return [json.loads(line) for line in answer.text.splitlines()]

    async def episode(self, **client: Any) -> str:
        """A new client's new episode."""
        registered = await self.post("/intake/v1/clients", client)
        body = episode_of(client_id=registered["id"])
        return str((await self.post("/intake/v1/episodes", body))["id"])

    @asynccontextmanager
    async def alerts(self, after: str | None = None) -> AsyncIterator[AsyncIterator[Message]]:
        """The stream of alerts, from now on or after a cursor."""
        # The stream ends with its token: one that is not fresh would end it soon.
        self._token_until = 0.0
        await self._sign_in()
        headers = {"Last-Event-ID": after} if after else {}
        async with self.http.stream(
            "GET", "/alerts/v1/stream", headers=headers, timeout=None
        ) as answer:
            assert answer.status_code == 200
            yield messages(answer.aiter_lines())

    async def close(self) -> None:
        """Let go of the connections."""
        await self.http.aclose()

    async def _sign_in(self) -> None:
        if time.monotonic() < self._token_until:
            return
        basic = self._organisation["client_id"], self._organisation["client_secret"]
        answer = await self.http.post(
            "/intake/oauth/token", data={"grant_type": "client_credentials"}, auth=basic
        )
        assert answer.status_code == 200, answer.text
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        self._token_until = time.monotonic() + TOKEN_SECONDS


def episode_of(**client: str) -> dict[str, Any]:
    """An adult's episode, to be opened."""
    return {
        **client,
        "opened_at": "2026-01-05T09:00:00Z",
        "kind": "individual",
        "age_group": "adult",
    }


def phq9(episode_id: str, risk: int) -> dict[str, Any]:
    """A PHQ-9 of this moment whose risk item is answered so."""
    items = {str(number): 1 for number in range(1, 9)} | {"9": risk}
    return {
        "episode_id": episode_id,
        "measure": "phq-9",
        "occurred_at": datetime.now(UTC).isoformat(),
        "items": items,
    }
