"""Who looked is written down before anything is answered, and never changed."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from shared.access import AuditLog
from shared.access.audit import MANY, ROWS_A_COMMIT
from shared.access.audited import Audit, Wanted
from shared.database import create_database
from shared.errors import Unavailable
from shared.ids import new_id
from shared.security.policy import POLICY
from tests.integration.reach.home import Home, merged, registered

VIEWS = POLICY["views.read"]
ACTION = "GET /outcomes/v1/clients/{client_id}"


async def written(home: Home) -> int:
    """How many rows there are."""
    return len(await home.rows("SELECT FROM audit"))


async def test_a_row_says_who_did_what_to_whom_and_why(home: Home) -> None:
    log, ann, client = AuditLog(home.database), home.person("clinician"), new_id()
    before = datetime.now(UTC)
    await log.record(ann, VIEWS, ACTION, [client], why="care")
    [row] = await home.rows("SELECT * FROM audit")
    assert before - timedelta(seconds=1) < row["at"] < datetime.now(UTC) + timedelta(seconds=1)
    assert dict(row) | {"audit_id": "", "at": "", "trace_id": ""} == {
        "tenant": home.tenant,
        "audit_id": "",
        "at": "",
        "principal_id": ann.id,
        "principal_kind": "person",
        "why": "care",
        "action": ACTION,
        "permission": "views.read",
        "client_id": client,
        "trace_id": "",
    }


async def test_it_is_durable_before_the_answer_leaves(home: Home) -> None:
    log = AuditLog(home.database)
    await log.record(home.person("clinician"), VIEWS, ACTION, [new_id()], why="care")
    # Another connection sees it at once.
    assert await written(home) == 1


async def test_who_comes_together_is_written_together(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, elsewhere, commits = AuditLog(home.database), home.another(), 0
    commit = log._commit

    async def counted(rows: list[object]) -> None:
        nonlocal commits
        commits += 1
        await commit(rows)  # type: ignore[arg-type]

    monkeypatch.setattr(log, "_commit", counted)
    callers = [home.person("clinician"), elsewhere.person("clinician")] * 100
    await asyncio.gather(
        *(log.record(one, VIEWS, ACTION, [new_id()], why="care") for one in callers)
    )
    assert (await written(home), await written(elsewhere)) == (100, 100)
    assert commits <= 3


async def test_a_long_list_is_written_in_parts(home: Home) -> None:
    log, clients = AuditLog(home.database), [new_id() for _ in range(2 * ROWS_A_COMMIT + 1)]
    await log.record(home.machine("outcomes.read"), VIEWS, ACTION, clients, why="integration")
    assert await written(home) == len(clients)


async def test_nobody_is_written_of_where_nobody_was_looked_at(home: Home) -> None:
    await AuditLog(home.database).record(
        home.person("clinician"), VIEWS, ACTION, [], why="clinician"
    )
    assert await written(home) == 0


async def test_whoever_hangs_up_has_looked_all_the_same(home: Home) -> None:
    log = AuditLog(home.database)
    await log._writing.acquire()
    looking = asyncio.create_task(
        log.record(home.person("clinician"), VIEWS, ACTION, [new_id()], why="care")
    )
    await asyncio.sleep(0)
    looking.cancel()
    written_down = log._next
    assert written_down is not None
    log._writing.release()
    await written_down
    assert await written(home) == 1


async def test_what_cannot_be_written_is_not_answered(home: Home) -> None:
    log = AuditLog(create_database("postgresql://heroic_app:x@127.0.0.1:1/heroic"))
    callers = [home.person("clinician") for _ in range(5)]
    found = await asyncio.gather(
        *(log.record(one, VIEWS, ACTION, [new_id()], why="care") for one in callers),
        return_exceptions=True,
    )
    assert [type(one) for one in found] == [Unavailable] * 5
    # Once it is back, all goes on.
    log.database = home.database
    await log.record(callers[0], VIEWS, ACTION, [new_id()], why="care")
    assert await written(home) == 1


async def test_no_row_is_ever_changed_or_taken_away(home: Home) -> None:
    await AuditLog(home.database).record(
        home.person("clinician"), VIEWS, ACTION, [new_id()], why="care"
    )
    for statement in ("UPDATE audit SET why = ''", "DELETE FROM audit", "TRUNCATE audit"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await home.rows(statement)
    assert await written(home) == 1


async def test_administrators_find_what_they_ask_for_newest_first(home: Home) -> None:
    log, audit = AuditLog(home.database), Audit(home.database)
    ann, ben = home.person("clinician"), home.person("supervisor")
    one, other = new_id(), new_id()
    for who, client in ((ann, one), (ben, one), (ann, other), (ben, other)):
        await log.record(who, VIEWS, ACTION, [client], why="care")
    middle = datetime.now(UTC)
    await log.record(
        ann, POLICY["audit.read"], "GET /outcomes/v1/audit", [MANY], why="administrator"
    )

    async def found(**wanted: object) -> list[tuple[str, str]]:
        asked = Wanted(**wanted)  # type: ignore[arg-type]
        rows = await audit.search(home.tenant, asked, before=None, limit=10)
        assert rows == sorted(rows, key=lambda row: row.audit_id, reverse=True)
        return [(row.principal_id, row.client_id) for row in rows]

    everything = [(ann.id, MANY), (ben.id, other), (ann.id, other), (ben.id, one), (ann.id, one)]
    assert await found() == everything
    assert await found(client_id=one) == [(ben.id, one), (ann.id, one)]
    assert await found(principal_id=ben.id) == [(ben.id, other), (ben.id, one)]
    assert await found(permission="audit.read") == [(ann.id, MANY)]
    assert await found(until=middle) == everything[1:]
    assert await found(since=middle) == everything[:1]
    assert await found(since=middle, until=middle) == []

    first = await audit.search(home.tenant, Wanted(), before=None, limit=2)
    second = await audit.search(home.tenant, Wanted(), before=first[-1].audit_id, limit=10)
    assert [(row.principal_id, row.client_id) for row in first + second] == everything
    assert await audit.search(home.another().tenant, Wanted(), before=None, limit=10) == []


async def test_a_client_is_told_who_looked_at_whoever_is_the_same_person(home: Home) -> None:
    log, audit = AuditLog(home.database), Audit(home.database)
    ann, me, alias, other = home.person("clinician"), new_id(), new_id(), new_id()
    await home.hear(registered(me), registered(alias), merged(alias, me))
    await log.record(ann, VIEWS, ACTION, [me, alias, other], why="care")
    for client in (me, alias):
        rows = await audit.of_client(home.tenant, client, before=None, limit=10)
        assert {row.client_id for row in rows} == {me, alias}
