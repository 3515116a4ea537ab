"""Whose tokens still open anything: known within a second, and never guessed for long."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from shared.access import Gate, gate
from shared.contracts.people import IntegrationRevoked, PersonDeactivated, RoleRevoked, SignedOut
from shared.database import create_database
from shared.errors import Unauthenticated, Unavailable
from shared.ids import new_id
from shared.security import Principal
from shared.security.tokens import Verified
from tests.integration.reach.home import Home
from tests.support.waiting import eventually_async

NOBODY_LISTENS = "postgresql://heroic_app:x@127.0.0.1:1/heroic"


@pytest.fixture
async def opened(home: Home) -> AsyncIterator[Gate]:
    """A gate that reads anew by itself."""
    kept = Gate(home.database)
    kept.start()
    yield kept
    await kept.stop()


def token(home: Home, who: str, *, session: str | None = None, age: float = 0) -> Verified:
    """A token that was issued `age` seconds ago."""
    issued = time.time() - age
    principal = Principal(tenant=home.tenant, id=who, kind="person", session=session)
    return Verified(principal, issued, issued + 300)


def signed_out(who: str, session: str | None = None) -> tuple[str, SignedOut]:
    """They have signed out now."""
    before = datetime.now(UTC)
    return f"sign-in-{who}", SignedOut(
        principal_id=who, principal_kind="person", before=before, session_id=session
    )


async def refused(kept: Gate, verified: Verified) -> bool:
    """Whether the gate stays shut."""
    try:
        await kept.check(verified)
    except Unauthenticated:
        return True
    return False


async def test_what_has_ended_is_known_within_a_second(home: Home, opened: Gate) -> None:
    ann, ben, cid, session, machine = (new_id() for _ in range(5))
    now = datetime.now(UTC)
    tokens = [
        token(home, ann),
        token(home, ben),
        token(home, cid, session=session),
        token(home, machine),
    ]
    for one in tokens:
        assert not await refused(opened, one)
    await home.hear(
        signed_out(ann),
        (f"person-{ben}", PersonDeactivated(person_id=ben)),
        signed_out(cid, session),
        (f"integration-{machine}", IntegrationRevoked(integration_id=machine)),
        at=now,
    )
    told = time.monotonic()

    async def all_refused() -> bool:
        return all([await refused(opened, one) for one in tokens])

    assert await eventually_async(all_refused, seconds=5)
    assert time.monotonic() - told < gate.REFRESH_SECONDS + 1.0
    # Another session of the same person goes on, and so does everybody else.
    assert not await refused(opened, token(home, cid, session=new_id()))
    assert not await refused(opened, token(home, new_id()))


async def test_who_signs_in_again_has_a_token_that_is_worth_something(home: Home) -> None:
    kept, ann, ben, cid = Gate(home.database), new_id(), new_id(), new_id()
    now = datetime.now(UTC)
    await home.hear(
        signed_out(ann),
        (f"person-{ben}", RoleRevoked(person_id=ben, role="supervisor")),
        (f"person-{cid}", PersonDeactivated(person_id=cid)),
        at=now - timedelta(seconds=2),
    )
    for who in (ann, ben):
        assert await refused(kept, token(home, who, age=60))
        assert not await refused(kept, token(home, who, age=-1))
    # Of who is gone no token is good, whatever it says of its age.
    assert await refused(kept, token(home, cid, age=-1))


async def test_a_token_of_the_very_moment_of_a_sign_out_is_worth_nothing(home: Home) -> None:
    kept, ann = Gate(home.database), new_id()
    stream, event = signed_out(ann)
    await home.hear((stream, event))
    principal = token(home, ann).principal
    moment = event.before.timestamp()
    assert await refused(kept, Verified(principal, moment, moment + 300))
    assert not await refused(kept, Verified(principal, moment + 0.001, moment + 300))


async def test_an_end_is_of_one_organisation(home: Home) -> None:
    kept, ann, elsewhere = Gate(home.database), new_id(), home.another()
    await home.hear(signed_out(ann))
    assert await refused(kept, token(home, ann, age=60))
    assert not await refused(kept, token(elsewhere, ann, age=60))


async def test_while_the_database_is_away_what_was_read_holds_for_seconds_and_no_longer(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, ann, ben = Gate(home.database), new_id(), new_id()
    await home.hear(signed_out(ben))
    await kept.check(token(home, ann))
    monkeypatch.setattr(kept, "_database", create_database(NOBODY_LISTENS))
    with pytest.raises(Unavailable):
        await kept.refresh()
    assert not await refused(kept, token(home, ann))
    assert await refused(kept, token(home, ben, age=60))
    # Of an organisation of which nothing was read, nothing is known.
    with pytest.raises(Unavailable) as caught:
        await kept.check(token(home.another(), ann))
    assert caught.value.status == 503

    kept._tenants[home.tenant].read_at -= gate.STALE_SECONDS
    for who in (ann, ben):
        with pytest.raises(Unavailable):
            await kept.check(token(home, who))
    monkeypatch.setattr(kept, "_database", home.database)
    assert not await refused(kept, token(home, ann))


async def test_a_database_that_does_not_answer_is_away(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "READ_SECONDS", 0.2)
    monkeypatch.setattr(gate, "READ", "SELECT pg_sleep(30), $1::text[], $2::timestamptz")
    kept = Gate(home.database)
    started = time.monotonic()
    with pytest.raises(Unavailable):
        await kept.check(token(home, new_id()))
    assert time.monotonic() - started < 5


async def test_many_who_come_at_once_ask_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, asked = Gate(home.database), 0
    read = kept._read

    async def counted(tenants: list[str]) -> None:
        nonlocal asked
        asked += 1
        await read(tenants)

    monkeypatch.setattr(kept, "_read", counted)
    await asyncio.gather(*(kept.check(token(home, new_id())) for _ in range(200)))
    for _ in range(200):
        await kept.check(token(home, new_id()))
    assert asked == 1


async def test_many_organisations_are_read_at_once_and_forgotten_when_nobody_comes(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, homes = Gate(home.database), [home.another() for _ in range(300)]
    for one in homes:
        await kept.check(token(one, new_id()))
    ann = new_id()
    await homes[7].hear(signed_out(ann))
    started = time.monotonic()
    await kept.refresh()
    assert time.monotonic() - started < 1.0
    assert await refused(kept, token(homes[7], ann, age=60))
    assert len(kept) == 300

    for one in homes[1:]:
        kept._tenants[one.tenant].asked_at -= gate.IN_USE_SECONDS + 1
    await kept.refresh()
    # Whoever came a moment ago stays.
    assert len(kept) == 1


async def test_what_ended_long_ago_is_not_held(home: Home) -> None:
    kept, long_ago = Gate(home.database), datetime.now(UTC) - timedelta(hours=1)
    await home.hear(
        *((f"person-{who}", RoleRevoked(person_id=who, role="clinician")) for who in "abc"),
        at=long_ago,
    )
    await kept.check(token(home, new_id()))
    assert kept._tenants[home.tenant].at == {}
