"""Who may say something of whom, what becomes of declined measuring, and what is written down."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared.contracts.feedback import RatingSubmitted
from shared.contracts.intake import (
    ClientsMerged,
    ClientsUnmerged,
    ConsentWithdrawn,
    EpisodeOpened,
    EpisodeTransferred,
    ErasureRefused,
    MeasuringChanged,
    MeasuringState,
    RelatedPersonAdded,
    Relation,
)
from shared.contracts.people import StaffRole
from shared.database import driver
from shared.eventstore import append
from shared.ids import new_id
from tests.support.feedback import OPENED, Feedback

GIVEN_AT = datetime(2026, 2, 1, 10, tzinfo=UTC)
"""When the ratings that `submit` sends were given."""


class Case:
    """A client with an episode of a clinician's; not new, so that nobody waits for word of them."""

    def __init__(self, client_id: str, episode_id: str) -> None:
        self.client_id, self.episode_id = client_id, episode_id


async def in_care(feedback: Feedback, clinician: str | None = None) -> Case:
    case = Case(str(uuid4()), str(uuid4()))
    opened = EpisodeOpened(
        episode_id=case.episode_id,
        client_id=case.client_id,
        age_group="adult",
        opened_at=OPENED,
        clinician_id=clinician,
    )
    await feedback.keyring.create([(feedback.tenant, case.client_id)])
    await feedback.apply(opened)
    await feedback.know(opened)
    return case


async def rated(feedback: Feedback, case: Case) -> str:
    """The id of a rating that the organisation's machine has sent."""
    answer = await feedback.submit(case.episode_id)
    assert answer.status_code == 201, answer.text
    rating_id: str = answer.json()["id"]
    return rating_id


async def written(feedback: Feedback) -> list[tuple[str, ...]]:
    """What is written down: who, by which right, did what, by which permission, to whom."""
    async with feedback.database.session(feedback.tenant) as conn:
        rows = await driver(conn).fetch(
            "SELECT principal_id, why, action, permission, client_id FROM audit"
            " WHERE tenant = $1 ORDER BY audit_id",
            feedback.tenant,
        )
    return [tuple(row) for row in rows]


async def every_change(feedback: Feedback, case: Case, rating_id: str) -> list[httpx.Response]:
    """The answers to everything that can be done to a rating and to an episode."""
    path, why = f"/v1/ratings/{rating_id}", {"reason": "a mistake"}
    declined = {"episode_id": case.episode_id, "measure": "ors"}
    return [
        await feedback.submit(case.episode_id),
        await feedback.post("/v1/ratings/decline", declined),
        await feedback.post(f"{path}/correct", {"total": 21.0, **why}),
        await feedback.post(f"{path}/move", {"episode_id": case.episode_id, **why}),
        await feedback.post(f"{path}/void", why),
    ]


def told(answer: httpx.Response) -> dict[str, Any]:
    """What is said, without what belongs to the one request."""
    return {**answer.json(), "instance": "", "trace_id": ""}


async def test_a_clinician_writes_of_whom_they_care_for(feedback: Feedback) -> None:
    me = new_id()
    case = await in_care(feedback, me)
    rating_id = await rated(feedback, case)
    answers = await every_change(feedback.person(me, "clinician"), case, rating_id)
    assert [one.status_code for one in answers] == [201, 201, 200, 200, 200]


async def test_what_is_out_of_reach_looks_like_what_is_not_there(feedback: Feedback) -> None:
    case = await in_care(feedback, new_id())
    rating_id = await rated(feedback, case)
    events, nobodys = await feedback.count(), Case(str(uuid4()), str(uuid4()))
    for stranger in (
        feedback.person(new_id(), "clinician"),
        feedback.person(new_id(), "clinician", "supervisor"),
    ):
        for there, nowhere in zip(
            await every_change(stranger, case, rating_id),
            await every_change(stranger, nobodys, str(uuid4())),
            strict=True,
        ):
            assert (there.status_code, nowhere.status_code) == (404, 404)
            assert told(there) == told(nowhere)
    assert await feedback.count() == events


async def test_another_organisations_people_and_machines_meet_nothing(feedback: Feedback) -> None:
    me = new_id()
    case = await in_care(feedback, me)
    rating_id = await rated(feedback, case)
    foreign = Feedback(feedback.app, feedback.http, feedback.database, feedback.keyring)
    for caller in (foreign, foreign.person(me, "clinician")):
        answers = await every_change(caller, case, rating_id)
        assert {one.status_code for one in answers} == {404}
    assert await written(foreign) == []


async def test_with_a_transfer_the_one_writes_no_more_and_the_other_does(
    feedback: Feedback,
) -> None:
    before, after = new_id(), new_id()
    case = await in_care(feedback, before)
    await feedback.know(
        EpisodeTransferred(
            episode_id=case.episode_id,
            client_id=case.client_id,
            to_clinician_id=after,
            at=datetime.now(UTC) - timedelta(seconds=1),
        )
    )
    for person, status in ((before, 404), (after, 201)):
        answer = await feedback.person(person, "clinician").submit(case.episode_id)
        assert answer.status_code == status


async def test_an_answer_of_before_is_not_told_again_to_who_reaches_no_more(
    feedback: Feedback,
) -> None:
    before = new_id()
    case, me = await in_care(feedback, before), feedback.person(before, "clinician")
    rating_id = await rated(feedback, case)
    path, body = f"/v1/ratings/{rating_id}/correct", {"total": 21.0, "reason": "misread"}
    first, again = [await me.post(path, body, Idempotency_Key="once") for _ in range(2)]
    assert (first.status_code, first.content) == (200, again.content)
    await feedback.know(
        EpisodeTransferred(
            episode_id=case.episode_id,
            client_id=case.client_id,
            to_clinician_id=new_id(),
            at=datetime.now(UTC) - timedelta(seconds=1),
        )
    )
    assert (await me.post(path, body, Idempotency_Key="once")).status_code == 404


@pytest.mark.parametrize("role", ["supervisor", "operator", "administrator"])
async def test_other_roles_write_nothing(feedback: Feedback, role: StaffRole) -> None:
    me = new_id()
    case = await in_care(feedback, me)
    rating_id = await rated(feedback, case)
    answers = await every_change(feedback.person(me, role), case, rating_id)
    assert {one.status_code for one in answers} == {403}
    assert (await feedback.person(me, role).get("/v1/measures")).status_code == 200


async def test_imports_are_for_machines(feedback: Feedback) -> None:
    me = new_id()
    case = await in_care(feedback, me)
    for caller in (feedback.person(me, "clinician"), feedback.client(case.client_id)):
        answer = await caller.http.post(
            "/v1/ratings/bulk",
            content=b"{}",
            headers=caller.headers(Content_Type="application/x-ndjson"),
        )
        assert answer.status_code == 403


async def test_a_client_speaks_for_themselves_and_corrects_nothing(feedback: Feedback) -> None:
    case, other = await in_care(feedback), await in_care(feedback)
    rating_id = await rated(feedback, case)
    me = feedback.client(case.client_id)
    answers = await every_change(me, case, rating_id)
    assert [one.status_code for one in answers] == [201, 201, 403, 403, 403]
    assert (await me.submit(other.episode_id)).status_code == 404
    for rater in ({"kind": "caretaker"}, {"kind": "self", "id": new_id()}):
        answer = await me.submit(case.episode_id, rater=rater)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_the_rater")
    assert (await me.submit(case.episode_id, "?on_conflict=correct")).status_code == 403


@pytest.mark.parametrize(
    ("relation", "kind"),
    [("guardian", "caretaker"), ("caretaker", "caretaker"), ("collateral", "collateral")],
)
async def test_a_related_person_says_what_they_see_themselves(
    feedback: Feedback, relation: Relation, kind: str
) -> None:
    case, other = await in_care(feedback), await in_care(feedback)
    related = str(uuid4())
    # What somebody may see is nothing to do with what they say.
    await feedback.know(
        RelatedPersonAdded(
            client_id=case.client_id, related_id=related, relation=relation, may_see=[]
        )
    )
    them = feedback.client(related)
    answer = await them.submit(case.episode_id, rater={"kind": kind, "id": related})
    assert answer.status_code == 201
    [event] = await feedback.events(case.episode_id)
    assert isinstance(event.data, RatingSubmitted)
    assert (event.data.rater_kind, event.data.rater_id) == (kind, related)
    for rater in ({"kind": "self"}, {"kind": kind}, {"kind": kind, "id": new_id()}):
        answer = await them.submit(case.episode_id, rater=rater)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_the_rater")
    declined = {"episode_id": case.episode_id, "measure": "ors"}
    assert (await them.post("/v1/ratings/decline", declined)).status_code == 403
    answer = await them.submit(other.episode_id, rater={"kind": kind, "id": related})
    assert answer.status_code == 404


async def test_a_rating_is_moved_only_by_who_reaches_both_clients(feedback: Feedback) -> None:
    me, other = new_id(), new_id()
    mine, theirs, also_mine = [await in_care(feedback, one) for one in (me, other, me)]
    rating_id = await rated(feedback, mine)
    clinician = feedback.person(me, "clinician")
    path = f"/v1/ratings/{rating_id}/move"

    async def move(caller: Feedback, to: Case) -> int:
        body = {"episode_id": to.episode_id, "reason": "of her sister"}
        return (await caller.post(path, body)).status_code

    assert await move(clinician, theirs) == 404
    assert await move(feedback.person(other, "clinician"), theirs) == 404
    assert await move(clinician, also_mine) == 200
    assert {one[-1] for one in await written(feedback) if one[0] == me} == {
        mine.client_id,
        also_mine.client_id,
    }


async def decides(feedback: Feedback, client_id: str, state: MeasuringState, at: datetime) -> None:
    await feedback.know(MeasuringChanged(client_id=client_id, state=state), at=at)


async def test_declined_measuring_refuses_what_was_given_after_it(feedback: Feedback) -> None:
    case = await in_care(feedback)
    await decides(feedback, case.client_id, "declined", GIVEN_AT - timedelta(minutes=1))
    refused = await feedback.submit(case.episode_id)
    assert (refused.status_code, refused.json()["code"]) == (409, "measuring_declined")
    before = (GIVEN_AT - timedelta(days=1)).isoformat()
    assert (await feedback.submit(case.episode_id, occurred_at=before)).status_code == 201
    lines = [
        {
            "episode_id": case.episode_id,
            "measure": "ors",
            "total": 20.0,
            "occurred_at": at,
        }
        for at in (GIVEN_AT.isoformat(), before)
    ]
    for query in ("", "?mode=history"):
        late, early = await feedback.bulk(lines, query)
        assert (late["status"], late["error"]["code"]) == ("refused", "measuring_declined")
        assert early["status"] == "created"


@pytest.mark.parametrize("state", ["on", "paused"])
async def test_what_comes_while_measuring_is_paused_or_on_again_is_taken(
    feedback: Feedback, state: MeasuringState
) -> None:
    case = await in_care(feedback)
    await decides(feedback, case.client_id, "declined", GIVEN_AT - timedelta(days=2))
    await decides(feedback, case.client_id, state, GIVEN_AT - timedelta(days=1))
    assert (await feedback.submit(case.episode_id)).status_code == 201


async def test_sending_again_what_was_taken_before_changes_nothing(feedback: Feedback) -> None:
    case, named = await in_care(feedback), {"external_id": "form 7"}
    first = await feedback.submit(case.episode_id, **named)
    await decides(feedback, case.client_id, "declined", GIVEN_AT - timedelta(minutes=1))
    again = await feedback.submit(case.episode_id, **named)
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])


async def test_a_rating_is_not_moved_to_who_had_declined_by_then(feedback: Feedback) -> None:
    case, declined = await in_care(feedback), await in_care(feedback)
    rating_id = await rated(feedback, case)
    await decides(feedback, declined.client_id, "declined", GIVEN_AT - timedelta(minutes=1))
    body = {"episode_id": declined.episode_id, "reason": "of her sister"}
    answer = await feedback.post(f"/v1/ratings/{rating_id}/move", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "measuring_declined")


async def test_of_merged_clients_the_strictest_decision_counts(feedback: Feedback) -> None:
    into, alias, sibling = [await in_care(feedback) for _ in range(3)]
    for one in (alias, sibling):
        await feedback.know(ClientsMerged(client_id=one.client_id, into=into.client_id))
    await decides(feedback, alias.client_id, "declined", GIVEN_AT - timedelta(minutes=1))
    for one in (into, alias, sibling):
        assert (await feedback.submit(one.episode_id)).status_code == 409
    await feedback.know(ClientsUnmerged(client_id=alias.client_id, was=into.client_id))
    for one, status in ((into, 201), (alias, 409), (sibling, 201)):
        assert (await feedback.submit(one.episode_id)).status_code == status


async def test_nobody_works_with_what_is_restricted(feedback: Feedback) -> None:
    me = new_id()
    case = await in_care(feedback, me)
    rating_id = await rated(feedback, case)
    await feedback.know(
        ErasureRefused(
            request_id=new_id(), client_id=case.client_id, refused_by=new_id(), restricted=True
        )
    )
    for caller in (feedback, feedback.person(me, "clinician"), feedback.client(case.client_id)):
        answers = await every_change(caller, case, rating_id)
        assert {one.status_code for one in answers} == {403}
        assert answers[0].json()["code"] == "restricted"
    [line] = await feedback.bulk(
        [
            {
                "episode_id": case.episode_id,
                "measure": "ors",
                "total": 20.0,
                "occurred_at": GIVEN_AT.isoformat(),
            }
        ]
    )
    assert (line["status"], line["error"]["code"]) == ("refused", "restricted")


async def test_each_rating_written_is_written_down(feedback: Feedback) -> None:
    me = new_id()
    case = await in_care(feedback, me)
    rating_id = await rated(feedback, case)
    assert await written(feedback) == [
        (
            feedback.principal,
            "integration",
            "POST /v1/ratings",
            "ratings.write",
            case.client_id,
        )
    ]
    await feedback.person(me, "clinician").post(
        f"/v1/ratings/{rating_id}/void", {"reason": "somebody else's"}
    )
    assert (await written(feedback))[1:] == [
        (me, "care", "POST /v1/ratings/{rating_id}/void", "ratings.correct", case.client_id)
    ]


async def test_a_bulk_call_writes_each_client_down_once(
    feedback: Feedback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.feedback.bulk.CHUNK", 4)
    cases = [await in_care(feedback) for _ in range(3)]
    lines = [
        {
            "episode_id": cases[number % 3].episode_id,
            "measure": "ors",
            "total": 20.0,
            "occurred_at": (GIVEN_AT + timedelta(hours=number)).isoformat(),
        }
        for number in range(12)
    ]
    lines.append({**lines[0], "episode_id": str(uuid4())})
    results = await feedback.bulk(lines)
    assert [one["status"] for one in results] == ["created"] * 12 + ["refused"]
    rows = await written(feedback)
    assert sorted(one[-1] for one in rows) == sorted(case.client_id for case in cases)
    assert {one[:4] for one in rows} == {
        (feedback.principal, "integration", "POST /v1/ratings/bulk", "ratings.import")
    }


async def test_a_rating_and_who_wrote_it_are_written_together_or_not_at_all(
    feedback: Feedback, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await in_care(feedback)
    call = append.CALL_LOOKED.replace("access_looked(", "access_nothing(")
    monkeypatch.setattr(append, "CALL_LOOKED", call)
    assert not (await feedback.submit(case.episode_id)).is_success
    monkeypatch.undo()
    assert await feedback.events(case.episode_id) == []
    assert await written(feedback) == []


async def test_what_is_answered_again_is_written_down_again_and_what_lost_a_race_once(
    feedback: Feedback,
) -> None:
    case = await in_care(feedback)
    body = {
        "episode_id": case.episode_id,
        "measure": "ors",
        "occurred_at": GIVEN_AT.isoformat(),
        "total": 20.0,
    }
    answers = [await feedback.post("/v1/ratings", body, Idempotency_Key="k") for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert len(await written(feedback)) == 2
    await asyncio.gather(*(feedback.post("/v1/ratings", body) for _ in range(10)))
    assert len(await feedback.events(case.episode_id)) == 11
    assert len(await written(feedback)) == 12


async def test_whoever_was_just_given_a_client_waits_for_word_of_it(feedback: Feedback) -> None:
    """The episode is here, and who cares for it comes a moment later."""
    me, client_id, episode_id = new_id(), new_id(), new_id()
    opened = EpisodeOpened(
        episode_id=episode_id,
        client_id=client_id,
        age_group="adult",
        opened_at=OPENED,
        clinician_id=me,
    )
    await feedback.keyring.create([(feedback.tenant, client_id)])
    await feedback.apply(opened)
    await feedback.caught_up(datetime.now(UTC) - timedelta(minutes=1))
    answer = await feedback.person(me, "clinician").submit(episode_id)
    assert (answer.status_code, answer.json()["code"]) == (503, "not_yet_here")
    await feedback.know(opened)
    assert (await feedback.person(me, "clinician").submit(episode_id)).status_code == 201
    await feedback.caught_up()


async def test_a_machine_is_told_no_numbers_of_who_does_not_give_them_to_machines(
    feedback: Feedback,
) -> None:
    case = await in_care(feedback)
    rating_id = await rated(feedback, case)
    withdrawn = ConsentWithdrawn(
        client_id=case.client_id, purpose="integrations", at=datetime.now(UTC)
    )
    await feedback.know(withdrawn)
    # What it says itself it knows; the others would read to it.
    submitted, _, *changes = await every_change(feedback, case, rating_id)
    assert submitted.json()["total"] == 20.0
    assert [(one.status_code, one.json()["total"]) for one in changes] == [(200, None)] * 3
