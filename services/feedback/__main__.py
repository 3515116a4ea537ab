"""The roles of feedback: `python -m services.feedback api | worker | migrate | all`."""

from services.feedback.answers import SERVICE
from services.feedback.app import create_app, create_worker
from services.feedback.settings import Settings
from shared import roles


async def api(settings: Settings) -> int:
    """Serve HTTP until told to stop."""
    return await roles.serve(SERVICE, create_app(settings))


async def worker(settings: Settings) -> int:
    """Relay and consume until told to stop."""
    return await roles.work(SERVICE, "worker", settings, create_worker)


async def migrate(settings: Settings) -> int:
    """Bring the database and the topics to this version; idempotent."""
    return await roles.migrate(SERVICE, settings)


async def everything(settings: Settings) -> int:
    """All roles in one process."""
    await migrate(settings)
    return await roles.together(worker(settings), api(settings))


ROLES = {"api": api, "worker": worker, "migrate": migrate, "all": everything}

if __name__ == "__main__":
    roles.play(SERVICE, ROLES, Settings)
