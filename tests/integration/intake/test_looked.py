"""Who used what of whom, and by which right: written down before anything is answered."""

from typing import Any

from tests.integration.intake.house import House


async def test_each_use_is_written_down_with_the_client_and_the_right(house: House) -> None:
    clinician = await house.member("clinician")
    client = await clinician.made("clients", external_id="p-1")
    episode = await clinician.opened(client["id"])
    await clinician.get(f"clients/{client['id']}")
    await clinician.post("clients/search", {"external_id": "p-1"})
    await clinician.post("clients/search", {"external_id": "p-2"})
    await clinician.get(f"episodes/{episode['id']}")
    assert await house.audited(clinician) == [
        ("POST /intake/v1/clients", client["id"], "organisation"),
        ("POST /intake/v1/episodes", client["id"], "care"),
        ("GET /intake/v1/clients/{client_id}", client["id"], "care"),
        ("POST /intake/v1/clients/search", client["id"], "care"),
        ("GET /intake/v1/episodes/{episode_id}", client["id"], "care"),
    ]
    oneself = house.oneself(client["id"])
    await oneself.get(f"clients/{client['id']}")
    assert [why for *_, why in await house.audited(oneself)] == ["self"]


async def test_what_changes_is_written_down_in_the_same_commit(house: House) -> None:
    clinician = await house.member("clinician")
    client = await clinician.made("clients")
    episode = await clinician.opened(client["id"])
    for stream in (f"client-{client['id']}", f"episode-{episode['id']}"):
        assert await house.value(
            "SELECT count(*) = 1 FROM events AS e JOIN audit AS a ON a.xmin = e.xid::xid "
            "WHERE e.tenant = $1 AND e.stream = $2 AND a.tenant = $1 AND a.principal_id = $3",
            stream,
            clinician.id,
        )


async def test_a_bulk_call_is_written_down_once_for_each_client(house: House) -> None:
    known = await house.caller.client(external_id="p-0")
    feed = house.feed
    before = len(await house.audited(feed))
    lines: list[dict[str, Any]] = [
        *({"kind": "client", "external_id": f"p-{number}"} for number in range(3)),
        *(
            {
                "kind": "consent",
                "client_external_id": f"p-{number % 3}",
                "purpose": "research",
                "given": True,
            }
            for number in range(900)
        ),
        {"kind": "consent", "client_external_id": "nobody", "purpose": "research", "given": True},
    ]
    rehearsed = await house.caller.bulk(lines, "?dry_run=true")
    assert [row[:2] for row in (await house.audited(feed))[before:]] == [
        ("POST /intake/v1/bulk", known["id"])
    ]
    assert rehearsed[-1]["status"] == "refused"
    results = await house.caller.bulk(lines)
    made = {one["id"] for one in results[:3]}
    told = (await house.audited(feed))[before + 1 :]
    assert len(told) == 3
    assert {client_id for _, client_id, _ in told} == made
    assert {why for *_, why in told} == {"integration"}
