"""What must not come in: a clear problem document, and nothing is written."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from shared.ids import new_id
from tests.support.feedback import Feedback

AT = "2026-02-01T10:00:00Z"

GOOD: dict[str, dict[str, Any]] = {
    "/v1/ratings": {"episode_id": "{episode}", "measure": "ors", "occurred_at": AT, "total": 20},
    "/v1/ratings/{rating}/correct": {"total": 20, "reason": "misread"},
    "/v1/ratings/{rating}/void": {"reason": "wrong client"},
    "/v1/ratings/{rating}/move": {"episode_id": "{episode}", "reason": "wrong client"},
    "/v1/ratings/decline": {"episode_id": "{episode}", "measure": "ors"},
    "/v1/measures": {
        "key": "mood",
        "version": 1,
        "title": "Mood",
        "kind": "outcome",
        "better": "higher",
        "items": [],
        "total": {"low": 0, "high": 10, "step": 1},
        "missing": {"most": 0},
        "licence": {"holder": "Us", "ships": "scoring", "note": ""},
        "source": "Ours",
    },
    "/v1/measures/{key}/retire": {"reason": "too long"},
    "/v1/measures/{key}/wordings": {
        "language": "de",
        "wording": {"title": "", "items": {}, "attribution": "Them", "source": "Theirs"},
        "licence": "No. 7",
        "attested_by": "A. Person",
    },
}
BULK = "/v1/ratings/bulk"
WITH_QUERY = "/v1/ratings?on_conflict=correct"
"""The single call finds its arguments another way where there is a query."""


def encoded(body: dict[str, Any], **more: Any) -> bytes:
    return json.dumps(body | more).encode()


def with_raw(body: dict[str, Any], raw: bytes) -> bytes:
    return encoded(body).rstrip(b"}") + b',"x":' + raw + b"}"


def first_text(body: dict[str, Any], value: str) -> bytes:
    name = next(key for key, old in body.items() if isinstance(old, str))
    return encoded(body, **{name: value})


def twice(body: dict[str, Any]) -> bytes:
    name, value = next(iter(body.items()))
    pair = f"{json.dumps(name)}:{json.dumps(value)}".encode()
    return encoded(body).rstrip(b"}") + b"," + pair + b"}"


BAD: dict[str, tuple[Callable[[dict[str, Any]], bytes], set[int]]] = {
    "nothing": (lambda body: b"", {400}),
    "not JSON": (lambda body: b"{not json", {400}),
    "not UTF-8": (lambda body: encoded(body).replace(b'": ', b'": "\xff', 1), {400}),
    "an array": (lambda body: b"[" + encoded(body) + b"]", {422}),
    "null": (lambda body: b"null", {422}),
    "a key twice": (twice, {422}),
    "NaN": (lambda body: with_raw(body, b"NaN"), {422}),
    "Infinity": (lambda body: with_raw(body, b"-Infinity"), {422}),
    "1e309": (lambda body: with_raw(body, b"1e309"), {422}),
    "deep nesting": (lambda body: with_raw(body, b"[" * 40 + b"]" * 40), {422}),
    "nesting without end": (lambda body: b"[" * 500_000, {400, 413, 422}),
    "an unknown field": (lambda body: encoded(body, favourite_colour="blue"), {422}),
    "NUL": (lambda body: first_text(body, "a\0b"), {422}),
    "a lone surrogate": (lambda body: first_text(body, "a\ud800b"), {422}),
    "2 MB": (lambda body: first_text(body, "x" * 2_000_000), {413}),
    "50 MB": (lambda body: first_text(body, "x" * 50_000_000), {413}),
}

WRONG_RATINGS: dict[str, dict[str, Any]] = {
    "a text for a number": {"total": "36"},
    "true for one": {"total": True},
    "out of range": {"total": 40.1},
    "below zero": {"total": -0.1},
    "off step": {"total": 20.05},
    "a huge number": {"total": 10**400},
    "items and total": {"items": {"1": 1}},
    "neither": {"total": None},
    "no items": {"total": None, "items": {}},
    "an unknown item": {"total": None, "items": {"5": 1}},
    "an item that is a text": {"total": None, "items": {"1": "1"}},
    "an item that is null": {"total": None, "items": {"1": None}},
    "an unknown measure": {"measure": "mood"},
    "a measure with a slash": {"measure": "../../ors"},
    "no offset": {"occurred_at": "2026-02-01T10:00:00"},
    "a day": {"occurred_at": "2026-02-01"},
    "a number for a time": {"occurred_at": 1_770_000_000},
    "a day that does not exist": {"occurred_at": "2026-02-30T10:00:00Z"},
    "the year 9999": {"occurred_at": "9999-12-31T23:59:59-23:59"},
    "a hostile id": {"episode_id": "' OR 1=1 --"},
    "two episodes": {"episode_external_id": "e-1"},
    "an unknown rater": {"rater": {"kind": "therapist"}},
    "an unknown mode": {"mode": "telepathy"},
    "a session that is no id": {"session_id": "1"},
    "an empty external id": {"external_id": ""},
}


@pytest.fixture
async def target(feedback: Feedback) -> dict[str, str]:
    """An episode with one rating, and a measure."""
    episode = await feedback.episode()
    rating = (await feedback.submit(episode)).json()["id"]
    return {"{episode}": episode, "{rating}": rating, "{key}": "bdi"}


def filled(text: str, target: dict[str, str]) -> str:
    for name, value in target.items():
        text = text.replace(name, value)
    return text


async def assert_refused(
    feedback: Feedback, answer: httpx.Response, statuses: set[int], target: dict[str, str]
) -> None:
    assert answer.status_code in statuses, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json().keys() >= {"type", "title", "status", "detail", "code", "trace_id"}
    assert len(await feedback.events(target["{episode}"])) == 1
    assert await feedback.count() == 1


def test_every_call_with_a_body_is_tried(feedback: Feedback) -> None:
    calls = {
        path.replace("{rating_id}", "{rating}")
        for path, methods in feedback.app.openapi()["paths"].items()
        if any("requestBody" in operation for operation in methods.values())
    }
    assert calls == {*GOOD, BULK}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("path", [*GOOD, WITH_QUERY])
async def test_a_bad_body_is_refused(
    feedback: Feedback, target: dict[str, str], path: str, kind: str
) -> None:
    make, statuses = BAD[kind]
    body = json.loads(filled(json.dumps(GOOD[path.partition("?")[0]]), target))
    answer = await feedback.http.post(
        filled(path, target),
        content=make(body),
        headers=feedback.headers(Content_Type="application/json"),
    )
    await assert_refused(feedback, answer, statuses, target)


@pytest.mark.parametrize("kind", WRONG_RATINGS)
async def test_a_wrong_rating_is_refused_by_both_calls(
    feedback: Feedback, target: dict[str, str], kind: str
) -> None:
    body = json.loads(filled(json.dumps(GOOD["/v1/ratings"]), target)) | WRONG_RATINGS[kind]
    answer = await feedback.post("/v1/ratings", body)
    await assert_refused(feedback, answer, {422}, target)
    [result] = await feedback.bulk([body])
    assert result["status"] == "refused"
    assert result["error"]["code"] == answer.json()["code"]
    assert len(await feedback.events(target["{episode}"])) == 1


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", ""])
async def test_another_type_of_body_is_refused(
    feedback: Feedback, target: dict[str, str], content_type: str
) -> None:
    headers = feedback.headers(**({"Content_Type": content_type} if content_type else {}))
    answer = await feedback.http.post("/v1/ratings", content=b"{}", headers=headers)
    await assert_refused(feedback, answer, {415}, target)


@pytest.mark.parametrize("query", ["?on_conflict=overwrite", "?on_conflict="])
async def test_a_value_outside_its_list_is_refused(
    feedback: Feedback, target: dict[str, str], query: str
) -> None:
    answer = await feedback.submit(target["{episode}"], query)
    await assert_refused(feedback, answer, {422}, target)


@pytest.mark.parametrize("rating_id", ["1", "..%2f", "%00", "x" * 5_000, "' OR 1=1 --"])
async def test_a_hostile_id_is_refused(
    feedback: Feedback, target: dict[str, str], rating_id: str
) -> None:
    answer = await feedback.post(f"/v1/ratings/{rating_id}/void", {"reason": "mischief"})
    await assert_refused(feedback, answer, {404, 422}, target)


async def test_an_unknown_rating_is_not_found(feedback: Feedback, target: dict[str, str]) -> None:
    answer = await feedback.post(f"/v1/ratings/{new_id()}/void", {"reason": "mischief"})
    await assert_refused(feedback, answer, {404}, target)


async def test_a_body_over_the_limit_of_bulk_is_refused_whole(
    feedback: Feedback, target: dict[str, str]
) -> None:
    good = filled(json.dumps(GOOD["/v1/ratings"]), target).encode() + b"\n"
    answer = await feedback.http.post(
        BULK,
        content=good + b" " * (64 * 1024 * 1024),
        headers=feedback.headers(Content_Type="application/x-ndjson"),
    )
    await assert_refused(feedback, answer, {413}, target)


async def test_a_line_over_its_limit_is_refused_alone(
    feedback: Feedback, target: dict[str, str]
) -> None:
    good = json.loads(filled(json.dumps(GOOD["/v1/ratings"]), target))
    results = await feedback.bulk([good | {"note": "x" * 300_000}, good])
    assert [one["status"] for one in results] == ["refused", "created"]
