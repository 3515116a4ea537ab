"""Everything that feedback has of a client, or of an organisation, as one archive."""

import csv
import io
import json
import zipfile
from datetime import UTC, datetime
from typing import Any

from services.feedback.api.export import RATINGS
from shared.contracts.intake import (
    ClientErased,
    ClientRegistered,
    ConsentWithdrawn,
    ErasureRefused,
)
from shared.database import driver
from shared.ids import new_id
from tests.support.feedback import Feedback

BOMB = '=HYPERLINK("http://evil.example","more")'


async def archive(feedback: Feedback, path: str) -> dict[str, bytes]:
    """The members of an export by their names."""
    answer = await feedback.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["cache-control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as found:
        assert found.testzip() is None
        return {name: found.read(name) for name in found.namelist()}


def rows(content: bytes) -> list[dict[str, str]]:
    """The rows of a table."""
    return list(csv.DictReader(io.StringIO(content.decode())))


def events(content: bytes) -> list[dict[str, Any]]:
    """The events, a line each."""
    return [json.loads(line) for line in content.splitlines()]


async def client_of(feedback: Feedback, episode_id: str) -> str:
    """Whose episode it is; word of them has come."""
    [first, *_] = await feedback.events(episode_id)
    await feedback.know(ClientRegistered(client_id=first.subject, private=None))
    return first.subject


async def rated(feedback: Feedback, **fields: Any) -> str:
    """The id of a client with one rating."""
    episode_id = await feedback.episode()
    answer = await feedback.submit(episode_id, **fields)
    assert answer.status_code == 201, answer.text
    return await client_of(feedback, episode_id)


async def test_a_client_gets_all_that_they_said_in_words_and_tables(feedback: Feedback) -> None:
    episode_id = await feedback.episode()
    phq9 = {str(number): 1 for number in range(1, 10)}
    first = await feedback.submit(
        episode_id, measure="phq-9", total=None, items=phq9, note=BOMB, external_id="-1"
    )
    second = await feedback.submit(episode_id, note="näher")
    await feedback.post(f"/v1/ratings/{second.json()['id']}/void", {"reason": "not hers"})
    client_id = await client_of(feedback, episode_id)
    found = await archive(feedback.client(client_id), f"/v1/clients/{client_id}/export")
    assert list(found) == ["events.ndjson", "ratings.csv", "export.json"]
    by_id = {row["rating_id"]: row for row in rows(found["ratings.csv"])}
    assert tuple(by_id[first.json()["id"]]) == RATINGS
    filled = by_id[first.json()["id"]]
    assert (filled["total"], json.loads(filled["items"])["9"]) == ("9.0", 1.0)
    assert (filled["note"], filled["external_id"]) == (f"'{BOMB}", "'-1")
    assert (filled["episode_id"], filled["client_id"]) == (episode_id, client_id)
    assert (by_id[second.json()["id"]]["note"], by_id[second.json()["id"]]["void"]) == (
        "näher",
        "true",
    )
    said = events(found["events.ndjson"])
    assert [one["type"].rpartition(".")[2] for one in said] == [
        "RatingSubmitted",
        "RatingSubmitted",
        "RatingVoided",
    ]
    assert said[0]["data"]["private"]["note"] == BOMB, "words as they came"
    summary = json.loads(found["export.json"])
    assert summary["rows"] == {"events.ndjson": 3, "ratings.csv": 2}
    assert summary["client_ids"] == [client_id]


async def test_nobody_else_takes_it_away(feedback: Feedback) -> None:
    client_id, other = await rated(feedback), await rated(feedback)
    path = f"/v1/clients/{client_id}/export"
    assert (await feedback.client(other).get(path)).status_code == 404
    assert (await feedback.person(new_id(), "clinician").get(path)).status_code == 403
    assert (await feedback.person(new_id(), "operator").get("/v1/export")).status_code == 403
    assert (await feedback.client(client_id).get("/v1/export")).status_code == 403


async def test_of_an_organisation_those_are_left_out_who_do_not_agree_or_are_gone(
    feedback: Feedback,
) -> None:
    agreeing, withheld, kept, gone = [await rated(feedback) for _ in range(4)]
    now = datetime.now(UTC)
    await feedback.know(
        ConsentWithdrawn(client_id=withheld, purpose="integrations", at=now),
        ErasureRefused(request_id=new_id(), client_id=kept, refused_by=new_id(), restricted=True),
        ClientErased(request_id=new_id(), client_id=gone, erased_at=now),
    )
    by_machine = await archive(feedback, "/v1/export")
    assert {row["client_id"] for row in rows(by_machine["ratings.csv"])} == {agreeing}
    assert json.loads(by_machine["export.json"])["clients_left_out"] == 3
    administrator = feedback.person(new_id(), "administrator")
    by_person = await archive(administrator, "/v1/export")
    assert {row["client_id"] for row in rows(by_person["ratings.csv"])} == {agreeing, withheld}
    statuses = {
        one: (await feedback.get(f"/v1/clients/{one}/export")).status_code
        for one in (withheld, kept, gone)
    }
    assert statuses == {withheld: 403, kept: 403, gone: 410}


async def test_what_is_taken_away_is_written_down_of_each_client(feedback: Feedback) -> None:
    clients = {await rated(feedback) for _ in range(3)}
    administrator = feedback.person(new_id(), "administrator")
    await archive(administrator, "/v1/export")
    async with feedback.database.session(feedback.tenant) as conn:
        found = await driver(conn).fetch(
            "SELECT client_id, action, why FROM audit WHERE principal_id = $1",
            administrator.principal,
        )
    assert {tuple(row) for row in found} == {
        (client_id, "GET /v1/export", "administrator") for client_id in clients
    }
