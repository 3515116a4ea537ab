"""The roles of alerts: `python -m services.alerts api | worker | rules | migrate | all`."""

from functools import partial

from services.alerts.app import create_app, create_worker
from services.alerts.handlers import SERVICE
from services.alerts.settings import Settings
from shared import roles


async def api(settings: Settings) -> int:
    """Serve HTTP until told to stop."""
    return await roles.serve(SERVICE, create_app(settings))


async def worker(settings: Settings) -> int:
    """Relay, and consume what is urgent, until told to stop."""
    return await roles.work(SERVICE, "worker", settings, partial(create_worker, rules=False))


async def rules(settings: Settings) -> int:
    """Consume what may wait, until told to stop."""
    return await roles.work(SERVICE, "rules", settings, partial(create_worker, urgent=False))


async def migrate(settings: Settings) -> int:
    """Bring the database and the topics to this version; idempotent."""
    return await roles.migrate(SERVICE, settings)


async def everything(settings: Settings) -> int:
    """All roles in one process."""
    await migrate(settings)
    worker_of_all = roles.work(SERVICE, "all", settings, create_worker)
    return await roles.together(worker_of_all, api(settings))


ROLES = {"api": api, "worker": worker, "rules": rules, "migrate": migrate, "all": everything}

if __name__ == "__main__":
    roles.play(SERVICE, ROLES, Settings)
