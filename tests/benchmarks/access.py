"""What it costs to know who asks and whom they reach.

Tokens and the policy are measured in this process; the caseload of a clinician is asked for as the
application does and, in turn, in a role that row-level security does not hold.
"""

import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import asyncpg
from sqlalchemy import text

from services.outcomes.lists import Filters, find_caseload
from shared.access import Gate
from shared.access.reach import reachable
from shared.contracts import Envelope, decode, envelope_bytes
from shared.contracts.intake import ClientDetails, ClientRegistered
from shared.database import Database, create_database
from shared.ids import new_id
from shared.migrations import upgrade
from shared.privacy import Keyring, migrate_keys, open_all, open_keyring, seal
from shared.security import Principal, SigningKeys, TokenIssuer, TokenVerifier
from shared.security.policy import POLICY
from shared.security.tokens import CACHED_TOKENS
from tests.benchmarks._ratings import KEY
from tests.benchmarks.harness import Environment, Result, compare

NAMES = (
    "token_seen_us",
    "token_new_us",
    "policy_check_us",
    "decrypt_200_rows_ms",
    "keyring_fetch_200_ms",
    "rls_cost_caseload",
)

ISSUER = "http://heroic.test"
ROWS = 200
TENANTS, CLIENTS, CLINICIANS = 3, 10_000, 50
PAGES = 40
WHEN = datetime(2026, 1, 5, 9, tzinfo=UTC)


async def run(environment: Environment) -> dict[str, Result]:
    """All of it."""
    urls, keys = await environment.database(), await environment.database()
    await upgrade("outcomes", urls.owner)
    await migrate_keys(keys.owner)
    app, reader = create_database(urls.app), create_database(urls.reader)
    keyring = open_keyring(create_database(keys.app), KEY)
    try:
        return {
            **await tokens(app),
            "policy_check_us": policy(),
            **await decrypting(keyring),
            "rls_cost_caseload": await caseload(
                environment, environment.admin_url(urls), app, reader
            ),
        }
    finally:
        await keyring.close()
        await app.dispose()
        await reader.dispose()


async def tokens(database: Database) -> dict[str, Result]:
    """One that was seen and passes the gate, and some that were never seen."""
    signing = SigningKeys.generate()
    issuer, verifier = TokenIssuer(signing, ISSUER), TokenVerifier(signing, ISSUER)
    gate, principal = Gate(database), somebody()
    token = issuer.issue(principal)

    async def seen() -> None:
        await gate.check(await verifier.verify(token))

    await seen()
    fresh = iter([issuer.issue(principal) for _ in range(5 * 400)])
    assert CACHED_TOKENS > 5 * 400

    async def new() -> None:
        await gate.check(await verifier.verify(next(fresh)))

    return {
        "token_seen_us": await microseconds(seen, 20_000, "signature remembered, gate included"),
        "token_new_us": await microseconds(new, 400, "ES256 verified, gate included"),
    }


async def microseconds(call: Callable[[], Awaitable[None]], times: int, note: str) -> Result:
    """What a call takes: the median of five runs."""
    found = []
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(times):
            await call()
        found.append((time.perf_counter() - started) / times * 1e6)
    return Result(value=round(statistics.median(found), 2), unit="us", rounds=5, note=note)


def policy() -> Result:
    """Whether somebody of two roles has a permission, and how far they reach."""
    principal, rows, found = somebody(), list(POLICY.values()), []
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(1_000):
            for row in rows:
                principal.reach(row)
        found.append((time.perf_counter() - started) / (1_000 * len(rows)) * 1e6)
    note = f"each of {len(rows)} permissions"
    return Result(value=round(statistics.median(found), 2), unit="us", rounds=5, note=note)


def somebody() -> Principal:
    """A clinician who leads a team."""
    return Principal(
        tenant=new_id(), id=new_id(), kind="person", roles=frozenset({"clinician", "supervisor"})
    )


async def decrypting(keyring: Keyring) -> dict[str, Result]:
    """The private parts of a page, each of another client: keys warm, and keys fetched."""
    tenant, clients = new_id(), [new_id() for _ in range(ROWS)]
    refs = [(tenant, client) for client in clients]
    await keyring.create(refs)
    ciphers = await keyring.load(refs)
    page = [registered(tenant, client, ciphers[tenant, client]) for client in clients]
    warm, cold = [], []
    for _ in range(15):
        keyring.forget(refs)
        started = time.perf_counter()
        await keyring.load(refs)
        loaded = time.perf_counter()
        opened = await open_all(page, keyring)
        warm.append((time.perf_counter() - loaded) * 1e3)
        cold.append((loaded - started) * 1e3)
        assert all(one.data.private for one in opened if isinstance(one.data, ClientRegistered))
    note = f"{ROWS} rows, a key each"
    return {
        "decrypt_200_rows_ms": in_milliseconds(warm, note),
        "keyring_fetch_200_ms": in_milliseconds(cold, f"{ROWS} keys by one question, unwrapped"),
    }


def registered(tenant: str, client: str, cipher: object) -> Envelope:
    """A client's names, sealed, as they come."""
    event_id, stream = new_id(), f"client-{client}"
    details = ClientDetails(given_name="Zoë", family_name="Example", external_id="K-1044")
    event = ClientRegistered(client_id=client, private=details)
    data = seal(event, cipher, tenant=tenant, stream=stream, event_id=event_id)  # type: ignore[arg-type]
    return decode(
        envelope_bytes(
            event_type=event.type,
            event_id=event_id,
            subject=client,
            recorded_at=WHEN,
            tenant=tenant,
            stream=stream,
            version=1,
            epoch=1,
            position=1,
            schema_version=event.version,
            correlation_id=event_id,
            causation_id=None,
            traceparent=None,
            data=data,
        )
    )


def in_milliseconds(found: Sequence[float], note: str) -> Result:
    """The median."""
    value = round(statistics.median(found), 3)
    return Result(value=value, unit="ms", rounds=len(found), note=note)


async def caseload(
    environment: Environment, admin_url: str, app: Database, reader: Database
) -> Result:
    """The caseload of a clinician with 200 clients among 10,000 of each of three organisations."""
    tenant, clinician = await populate(admin_url)
    principal = Principal(
        tenant=tenant, id=clinician, kind="person", roles=frozenset({"clinician"})
    )
    within = reachable(principal, POLICY["caseload.read"], "summaries.client_id")

    def asked_of(database: Database) -> Callable[[], Awaitable[float]]:
        async def ask() -> float:
            found = []
            async with database.session(tenant) as conn:
                await conn.execute(text("SET LOCAL jit = off"))
                for _ in range(PAGES):
                    started = time.perf_counter()
                    rows = await find_caseload(conn, tenant, Filters(), None, ROWS, within)
                    found.append(time.perf_counter() - started)
                    assert len(rows) == ROWS
            return statistics.median(found) * 1e3

        return ask

    note = f"{ROWS} of {CLIENTS} clients of one of {TENANTS} organisations"
    return await compare(environment, asked_of(app), asked_of(reader), unit="ms", note=note)


async def populate(admin_url: str) -> tuple[str, str]:
    """Clients, their summaries and who cares for them; an organisation and a clinician of it."""
    connection = await asyncpg.connect(admin_url)
    live = await connection.fetchval("SELECT version FROM projections WHERE status = 'live'")
    tenant = clinician = ""
    for _ in range(TENANTS):
        tenant, clinicians = new_id(), [new_id() for _ in range(CLINICIANS)]
        clinician = clinicians[0]
        clients = [(new_id(), clinicians[n % CLINICIANS], new_id()) for n in range(CLIENTS)]
        await connection.copy_records_to_table(
            "access_clients",
            records=[(tenant, client) for client, _, _ in clients],
            columns=["tenant", "client_id"],
        )
        await connection.copy_records_to_table(
            "access_care",
            records=[(tenant, episode, who, "lead", 0, one) for one, who, episode in clients],
            columns=["tenant", "episode_id", "person_id", "role", "seq", "client_id"],
        )
        await connection.copy_records_to_table(
            "summaries",
            records=[
                (tenant, live, one, new_id(), episode, "ors", "client", True, "open", who, 5, False)
                for one, who, episode in clients
            ],
            columns=[
                *("tenant", "projection", "client_id", "series_id", "episode_id", "measure"),
                *("rater_kind", "is_primary", "status", "clinician_id", "ratings"),
                "late_baseline",
            ],
        )
    await connection.execute("ANALYZE")
    await connection.close()
    return tenant, clinician
