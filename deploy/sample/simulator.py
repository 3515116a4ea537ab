"""Feeds invented courses to a running Heroic: first what lies behind, then a rating now and then.

It speaks HTTP as any feed does. Every client is called "Sample Client <number>", with an external
id that begins with `sample-`.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random

import msgspec

from deploy.cli.installation import Site
from deploy.sample.courses import Course, Form, course, forms, forms_at, name_of
from shared.errors import Unavailable
from shared.ids import new_id

INTAKE, RATINGS = "/intake/v1/bulk", "/feedback/v1/ratings/bulk"
HISTORY = {"mode": "history"}
WEEK = timedelta(days=7)


def simulate(
    site: Site, *, clients: int, seed: int, per_second: float, clinician_id: str | None = None
) -> None:
    """Fill in the past, unless an earlier run did, then submit ratings until stopped."""
    random = Random(seed)
    courses = [course(number, random) for number in range(1, clients + 1)]
    fill_in(site, courses, random, datetime.now(UTC), clinician_id)
    for one, form in live_forms([each for each in courses if each.ending is None], random):
        submit(site, one, form)
        time.sleep(1 / per_second)


def fill_in(
    site: Site,
    courses: Sequence[Course],
    random: Random,
    now: datetime,
    clinician_id: str | None,
) -> None:
    """Clients, episodes, sessions and ratings so far, as history."""
    list(site.bulk(INTAKE, [client_line(one) for one in courses], HISTORY))
    openings = [episode_line(one, now, clinician_id) for one in courses]
    episodes = list(site.bulk(INTAKE, openings, HISTORY))
    if all(result.status != "created" for result in episodes):
        return
    sessions = [session_line(one, number, now) for one in courses for number in range(one.sessions)]
    list(site.bulk(INTAKE, sessions, HISTORY))
    ratings = [
        rating_line(one, form, held_at(one, form.session, now), number)
        for one in courses
        for number, form in enumerate(forms(one, random))
    ]
    list(site.bulk(RATINGS, ratings, HISTORY))
    for one, episode in zip(courses, episodes, strict=True):
        if one.ending is not None and episode.id is not None:
            closed_at = held_at(one, one.sessions - 1, now) + timedelta(days=1)
            body = {"closed_at": closed_at.isoformat(), "ending": one.ending}
            site.post(f"/intake/v1/episodes/{episode.id}/close", body)


def held_at(one: Course, session: int, now: datetime) -> datetime:
    """When a session was: weekly, the last one a few days ago."""
    return now - WEEK * (one.sessions - session) + timedelta(hours=one.number % 9, days=2)


def client_line(one: Course) -> bytes:
    """The registration of an invented client."""
    return msgspec.json.encode({"kind": "client", **client_fields(one.number)})


def client_fields(number: int) -> dict[str, str]:
    """What is registered of an invented client."""
    return {
        "external_id": name_of(number),
        "given_name": "Sample",
        "family_name": f"Client {number:03d}",
    }


def episode_line(one: Course, now: datetime, clinician_id: str | None) -> bytes:
    """The opening of its episode, led by the sample clinician where there is one."""
    led = {"clinician_id": clinician_id} if clinician_id else {}
    return msgspec.json.encode(
        {
            "kind": "episode",
            "client_external_id": one.name,
            "external_id": one.name,
            "opened_at": held_at(one, 0, now) - timedelta(days=3),
            "age_group": "adult",
            **led,
        }
    )


def session_line(one: Course, number: int, now: datetime) -> bytes:
    """One session that was held."""
    return msgspec.json.encode(
        {
            "kind": "session",
            "episode_external_id": one.name,
            "external_id": f"{one.name}-{number}",
            "starts_at": held_at(one, number, now),
            "status": "held",
            "type": "treatment" if number else "assessment",
        }
    )


def rating_line(one: Course, form: Form, at: datetime, number: int) -> bytes:
    """One form of the past."""
    named = {"external_id": f"{one.name}-{number}", "occurred_at": at}
    return msgspec.json.encode(rating(one, form) | named)


def rating(one: Course, form: Form) -> dict[str, object]:
    """What a form says, in points."""
    return {
        "episode_external_id": one.name,
        "measure": form.measure,
        "items": {item: tenths / 10 for item, tenths in form.items.items()},
    }


def live_forms(courses: Sequence[Course], random: Random) -> Iterator[tuple[Course, Form]]:
    """Forms of clients in turn, without end: each round is one more session of everybody."""
    for further in count() if courses else ():
        for one in random.sample(courses, len(courses)):
            for form in forms_at(one, one.sessions + further, random, missing=0.25):
                yield one, form


def submit(site: Site, one: Course, form: Form) -> None:
    """Submit one form now; while Heroic is away, it is lost like one on paper."""
    now = {"occurred_at": datetime.now(UTC).isoformat(), "external_id": f"sample-{new_id()}"}
    try:
        site.post("/feedback/v1/ratings", rating(one, form) | now)
    except Unavailable:
        time.sleep(1)
