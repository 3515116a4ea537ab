"""What tests stand on: real PostgreSQL, Redis and Kafka, wherever they come from.

`HEROIC_STACK` chooses: `local` (default: started here, in a temporary folder), `containers`
(testcontainers) or `external` (`HEROIC_POSTGRES_DSN`, `HEROIC_KAFKA`, `HEROIC_REDIS_URL`).
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.parts import parts_below, stop_all
from deploy.local.ports import LOOPBACK, free_ports

POSTGRES_IMAGE = "postgres:18"
REDIS_IMAGE = "redis:8"
KAFKA_IMAGE = "apache/kafka:4.1.1"


@dataclass(frozen=True)
class Stack:
    """Where the three parts are. `postgres_admin_dsn` is a superuser's, database `postgres`."""

    postgres_admin_dsn: str
    kafka: str
    redis_url: str


@contextmanager
def open_stack() -> Iterator[Stack]:
    """The stack that `HEROIC_STACK` names, for as long as the context is open."""
    kinds = {"local": local_stack, "containers": container_stack, "external": external_stack}
    with kinds[os.environ.get("HEROIC_STACK", "local")]() as stack:
        yield stack


@contextmanager
def local_stack() -> Iterator[Stack]:
    """The parts that `make run` starts, below a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="heroic-test-", ignore_cleanup_errors=True) as folder:
        parts = parts_below(Path(folder))
        parts.prepare()
        children = parts.start()
        try:
            yield Stack(parts.postgres.dsn, parts.kafka.bootstrap, parts.redis.url)
        finally:
            stop_all(children)


@contextmanager
def external_stack() -> Iterator[Stack]:
    """A stack that somebody else started."""
    yield Stack(
        os.environ["HEROIC_POSTGRES_DSN"],
        os.environ["HEROIC_KAFKA"],
        os.environ["HEROIC_REDIS_URL"],
    )


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
