"""What Heroic stands on, wherever it comes from: `HEROIC_STACK` chooses.

| `HEROIC_STACK` | PostgreSQL, Redis and Kafka are |
|---|---|
| `local` (default) | started here, without Docker (`parts.py`) |
| `containers` | started by testcontainers, from the images of the compose file |
| `external` | given: `HEROIC_POSTGRES_DSN` (a superuser's), `HEROIC_KAFKA`, `HEROIC_REDIS_URL` |
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import UnknownStack
from deploy.local.parts import parts_below, stop_all
from deploy.local.ports import LOOPBACK, free_ports
from deploy.local.process import Child

POSTGRES_IMAGE = "postgres:18"
REDIS_IMAGE = "redis:8"
KAFKA_IMAGE = "apache/kafka:4.1.1"

Progress = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """Progress that nobody wants to see."""


@dataclass(frozen=True)
class Stack:
    """Where the three are. `postgres_admin_dsn` is a superuser's, database `postgres`.

    `children` are the processes that were started for it and must be watched.
    """

    postgres_admin_dsn: str
    kafka: str
    redis_url: str
    children: tuple[Child, ...] = ()


@contextmanager
def open_stack(home: Path, progress: Progress = silent) -> Iterator[Stack]:
    """The stack that `HEROIC_STACK` names, for as long as the context is open.

    `home` is where a local one keeps its data. Raises `PartFailed`, `UnknownStack`.
    """
    kind = os.environ.get("HEROIC_STACK", "local")
    if kind == "local":
        opened = local_stack(home, progress)
    elif kind == "containers":
        opened = container_stack()
    elif kind == "external":
        opened = external_stack()
    else:
        raise UnknownStack(f"HEROIC_STACK={kind}: known are local, containers and external")
    with opened as stack:
        yield stack


@contextmanager
def local_stack(home: Path, progress: Progress = silent) -> Iterator[Stack]:
    """The three parts below `home`."""
    parts = parts_below(home, progress=progress)
    parts.prepare()
    children = parts.start()
    try:
        yield Stack(
            parts.postgres.dsn, parts.kafka.bootstrap, parts.redis.url, children=tuple(children)
        )
    finally:
        stop_all(children)


@contextmanager
def external_stack() -> Iterator[Stack]:
    """A stack that somebody else started."""
    names = ("HEROIC_POSTGRES_DSN", "HEROIC_KAFKA", "HEROIC_REDIS_URL")
    missing = [name for name in names if name not in os.environ]
    if missing:
        raise UnknownStack(f"HEROIC_STACK=external needs {', '.join(missing)}")
    dsn, kafka, redis_url = (os.environ[name] for name in names)
    yield Stack(dsn, kafka, redis_url)


@contextmanager
def container_stack() -> Iterator[Stack]:
    """The images of the compose file, run by testcontainers."""
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import PortWaitStrategy
    from testcontainers.postgres import PostgresContainer
    from testcontainers.redis import RedisContainer

    # The broker tells its clients where it is: the port must be known before it starts.
    [port] = free_ports(1)
    broker = DockerContainer(KAFKA_IMAGE).with_bind_ports(port, port)
    for name, value in kafka_container_settings(port).items():
        broker = broker.with_env(name, value)
    broker = broker.waiting_for(PortWaitStrategy(port))
    with (
        PostgresContainer(POSTGRES_IMAGE, driver=None, username="postgres") as postgres,
        RedisContainer(REDIS_IMAGE) as redis,
        broker,
    ):
        redis_url = f"redis://{redis.get_container_host_ip()}:{redis.get_exposed_port(6379)}/0"
        yield Stack(postgres.get_connection_url(), f"{LOOPBACK}:{port}", redis_url)


def kafka_container_settings(port: int) -> dict[str, str]:
    """The environment of a one-broker cluster that clients reach on `port`."""
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_LISTENERS": f"PLAINTEXT://:{port},CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{LOOPBACK}:{port}",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    }
