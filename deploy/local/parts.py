"""The three parts together: PostgreSQL, Redis and Kafka below one folder."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from deploy.local.kafka import Kafka
from deploy.local.ports import free_ports, is_free
from deploy.local.postgres import Postgres
from deploy.local.process import Child, check
from deploy.local.redis import Redis
from deploy.setup.secrets import new_password, write_private

STOP_SECONDS = 30
PORT_NAMES = ("postgres", "redis", "kafka", "kafka_controller")


class Part(Protocol):
    """What the three have in common."""

    def prepare(self) -> None: ...
    def start(self) -> Child: ...
    def wait_ready(self, child: Child) -> None: ...


@dataclass(frozen=True)
class Parts:
    """Everything that Heroic stands on."""

    postgres: Postgres
    redis: Redis
    kafka: Kafka

    def all(self) -> tuple[Part, ...]:
        """The parts in the order in which they start."""
        return (self.postgres, self.redis, self.kafka)

    def prepare(self) -> None:
        """Make what the parts need on disk; idempotent."""
        for part in self.all():
            part.prepare()

    def start(self) -> list[Child]:
        """Start all three and wait until they answer; where one fails, the others are stopped."""
        children: list[Child] = []
        try:
            for part in self.all():
                children.append(part.start())
            for part, child in zip(self.all(), children, strict=True):
                part.wait_ready(child)
            # Somebody else may have answered at a port that ours could not get.
            check(children)
        except BaseException:
            stop_all(children)
            raise
        return children


def stop_all(children: Sequence[Child]) -> None:
    """Ask all children to end, wait, kill what stays."""
    for child in children:
        child.stop()
    for child in children:
        child.finish(STOP_SECONDS)


def parts_below(
    home: Path,
    *,
    password: str | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Parts:
    """The parts whose data and logs lie below `home`; ports and password stay between runs."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    ports = remembered_ports(home / "ports.json")
    secret = password or remembered_password(home / "postgres.password")
    logs = home / "logs"
    return Parts(
        Postgres(home / "postgres", ports["postgres"], secret, logs / "postgres.log"),
        Redis(home / "redis", ports["redis"], logs / "redis.log"),
        Kafka(
            home / "kafka",
            ports["kafka"],
            ports["kafka_controller"],
            logs / "kafka.log",
            progress,
        ),
    )


def remembered_ports(file: Path) -> dict[str, int]:
    """The ports of the last run where they are still free, else new ones."""
    known: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
    if set(known) != set(PORT_NAMES) or not all(map(is_free, known.values())):
        known = dict(zip(PORT_NAMES, free_ports(len(PORT_NAMES)), strict=True))
        file.write_text(json.dumps(known))
    return known


def remembered_password(file: Path) -> str:
    """A random password, kept in `file` (mode 0600)."""
    if not file.exists():
        write_private(file, new_password())
    return file.read_text()
