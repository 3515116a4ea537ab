"""Clients who are merged and unmerged, for tests."""

from typing import Any

from tests.integration.intake.home import Caller

OLD, NEW = {"system": "mrn", "value": "1"}, {"system": "mrn", "value": "2"}


async def merged(caller: Caller, alias: str, into: str, status: int = 200) -> dict[str, Any]:
    """What is answered to whoever merges."""
    body = {"into": into, "reason": "Registered twice."}
    answer = await caller.http.post(f"/intake/v1/clients/{alias}/merge", json=body)
    assert answer.status_code == status, answer.text
    return dict(answer.json())


async def unmerged(caller: Caller, alias: str, status: int = 200) -> dict[str, Any]:
    """What is answered to whoever takes it back."""
    body = {"reason": "Two after all."}
    answer = await caller.http.post(f"/intake/v1/clients/{alias}/unmerge", json=body)
    assert answer.status_code == status, answer.text
    return dict(answer.json())


async def client_of(caller: Caller, client_id: str) -> dict[str, Any]:
    """A client as they stand."""
    answer = await caller.http.get(f"/intake/v1/clients/{client_id}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def decide(caller: Caller, client_id: str, purpose: str, *, given: bool) -> None:
    """A decision of the client."""
    body = {"purpose": purpose, "given": given}
    answer = await caller.http.post(f"/intake/v1/clients/{client_id}/consents", json=body)
    assert answer.status_code == 201, answer.text


async def two(caller: Caller) -> tuple[str, str]:
    """Two clients of a feed, by ids: the one who will be an alias, and the one who goes on."""
    alias = await caller.client(external_id="p-old", identifiers=[OLD], given_name="Ada")
    one = await caller.client(external_id="p-new", identifiers=[NEW], given_name="Augusta")
    return alias["id"], one["id"]
