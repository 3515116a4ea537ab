"""The roles of alerts: `python -m services.alerts api | worker | rules | migrate | all`."""

import asyncio
import sys

import uvicorn
import uvloop

from services.alerts.app import create_app, create_worker
from services.alerts.handlers import SERVICE
from services.alerts.settings import Settings
from shared import migrations, telemetry
from shared.topics import ensure_topics
from shared.web import mount

HOST, PORT = "0.0.0.0", 8000  # noqa: S104 - inside a container; the proxy decides who gets here
GRACE_SECONDS = 5


async def api(settings: Settings) -> int:
    """Serve HTTP until told to stop."""
    server = uvicorn.Server(
        uvicorn.Config(
            mount({SERVICE: create_app(settings)}),
            host=HOST,
            port=PORT,
            access_log=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
    await server.serve()
    return 0


async def worker(settings: Settings) -> int:
    """Relay, and consume what is urgent, until told to stop."""
    return await work(settings, "worker", rules=False)


async def rules(settings: Settings) -> int:
    """Consume what may wait, until told to stop."""
    return await work(settings, "rules", urgent=False)


async def work(settings: Settings, role: str, *, urgent: bool = True, rules: bool = True) -> int:
    """Run a worker."""
    telemetry.setup(SERVICE, role, settings)
    try:
        return await create_worker(settings, urgent=urgent, rules=rules).run()
    finally:
        telemetry.shutdown()


async def migrate(settings: Settings) -> int:
    """Bring the database and the topics to this version; idempotent."""
    await migrations.upgrade(SERVICE, settings.owner_url)
    await ensure_topics(settings.kafka, SERVICE)
    return 0


async def everything(settings: Settings) -> int:
    """All roles in one process."""
    await migrate(settings)
    return max(await asyncio.gather(work(settings, "all"), api(settings)))


ROLES = {"api": api, "worker": worker, "rules": rules, "migrate": migrate, "all": everything}


def main() -> None:
    """Play the role that the command names."""
    if len(sys.argv) != 2 or sys.argv[1] not in ROLES:
        sys.exit(f"usage: python -m services.{SERVICE} {' | '.join(ROLES)}")
    sys.exit(uvloop.run(ROLES[sys.argv[1]](Settings())))


if __name__ == "__main__":
    main()
