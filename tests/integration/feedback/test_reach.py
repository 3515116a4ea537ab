"""Who may say something of whom."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from shared.contracts.feedback import RatingSubmitted
from shared.contracts.intake import (
    ConsentWithdrawn,
    EpisodeOpened,
    EpisodeTransferred,
    ErasureRefused,
    RelatedPersonAdded,
    Relation,
)
from shared.contracts.people import StaffRole
from shared.ids import new_id
from tests.integration.feedback.reaching import (
    GIVEN_AT,
    Case,
    every_change,
    in_care,
    rated,
    told,
    written,
)
from tests.support.feedback import OPENED, Feedback


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
