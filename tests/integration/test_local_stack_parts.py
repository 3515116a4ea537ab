"""PostgreSQL, Redis and Kafka as the local stack runs them: kept data, and nothing left behind."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.errors import PartFailed
from deploy.local.parts import Parts, parts_below, stop_all
from deploy.local.ports import is_free, listens
from deploy.local.process import Identity, run, spawn, wait_until
from tests.support.waiting import eventually

pytestmark = pytest.mark.timeout(180)


async def write_something(parts: Parts) -> None:
    connection = await asyncpg.connect(parts.postgres.dsn)
    await connection.execute("CREATE TABLE kept AS SELECT 7 AS value")
    await connection.close()
    admin = AIOKafkaAdminClient(bootstrap_servers=parts.kafka.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic("kept", num_partitions=1, replication_factor=1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=parts.kafka.bootstrap, acks="all")
    await producer.start()
    await producer.send_and_wait("kept", b"seven")
    await producer.stop()


async def read_it_back(parts: Parts) -> tuple[int, bytes]:
    connection = await asyncpg.connect(parts.postgres.dsn)
    value = await connection.fetchval("SELECT value FROM kept")
    await connection.close()
    consumer = AIOKafkaConsumer(
        "kept", bootstrap_servers=parts.kafka.bootstrap, auto_offset_reset="earliest"
    )
    await consumer.start()
    record = await consumer.getone()
    await consumer.stop()
    return value, record.value


async def test_data_outlives_a_stop_also_when_the_ports_are_taken_meanwhile(
    tmp_path: Path,
) -> None:
    parts = parts_below(tmp_path)
    parts.prepare()
    children = parts.start()
    await write_something(parts)
    stop_all(children)
    assert all(child.exit_code is not None for child in children)

    (tmp_path / "ports.json").unlink()
    again = parts_below(tmp_path)
    again.prepare()
    children = again.start()
    try:
        assert again.kafka.bootstrap != parts.kafka.bootstrap
        assert await read_it_back(again) == (7, b"seven")
    finally:
        stop_all(children)
    assert is_free(again.postgres.port)
    assert is_free(again.kafka.port)


async def test_a_killed_server_starts_again_once_its_last_child_is_gone(tmp_path: Path) -> None:
    parts = parts_below(tmp_path)
    parts.postgres.prepare()
    killed = parts.postgres.start()
    parts.postgres.wait_ready(killed)
    connection = await asyncpg.connect(parts.postgres.dsn)
    child = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()"))
    child.suspend()
    killed.process.kill()
    killed.process.wait()

    end_of_child = threading.Timer(0.5, child.kill)
    end_of_child.start()
    again = parts.postgres.start()
    try:
        parts.postgres.wait_ready(again)
        recovered = await asyncpg.connect(parts.postgres.dsn)
        assert await recovered.fetchval("SELECT pg_backend_pid()") != child.pid
        await recovered.close()
    finally:
        end_of_child.join()
        connection.terminate()
        stop_all([killed, again])


async def test_postgres_is_durable_and_lets_no_idle_transaction_hold_the_horizon(
    tmp_path: Path,
) -> None:
    parts = parts_below(tmp_path)
    parts.postgres.prepare()
    child = parts.postgres.start()
    try:
        parts.postgres.wait_ready(child)
        connection = await asyncpg.connect(parts.postgres.dsn)
        shown = {
            name: await connection.fetchval(f"SHOW {name}")
            for name in ("fsync", "synchronous_commit", "full_page_writes", "server_version_num")
        }
        idle = await connection.fetchval("SHOW idle_in_transaction_session_timeout")
        await connection.close()
    finally:
        stop_all([child])
    assert shown.pop("server_version_num").startswith("18")
    assert set(shown.values()) == {"on"}
    assert idle == "10s"


def test_every_part_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-m", "deploy.local.keep", str(tmp_path)])
    eventually((tmp_path / "env.sh").exists, seconds=60)
    children = psutil.Process(parent.pid).children(recursive=True)
    assert {"postgres", "redis-server", "java"} <= {child.name() for child in children}

    parent.kill()
    parent.wait()

    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []


def test_a_killed_parent_leaves_a_server_that_starts_again(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-m", "deploy.local.keep", str(tmp_path)])
    eventually((tmp_path / "env.sh").exists, seconds=60)
    parent.kill()
    parent.wait()

    parts = parts_below(tmp_path)
    parts.prepare()
    children = parts.start()
    stop_all(children)


def test_the_others_stop_when_one_part_dies(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-m", "deploy.local.keep", str(tmp_path)])
    eventually((tmp_path / "env.sh").exists, seconds=60)
    children = psutil.Process(parent.pid).children(recursive=True)
    [redis] = [child for child in children if child.name() == "redis-server"]

    redis.kill()

    parent.wait(timeout=40)
    _, alive = psutil.wait_procs(children, timeout=1)
    assert alive == []


def test_a_part_that_ends_at_once_is_reported_with_its_last_words(tmp_path: Path) -> None:
    child = spawn("oracle", ["/bin/sh", "-c", "echo no future; exit 3"], tmp_path / "log")

    with pytest.raises(PartFailed, match="ended with 3: no future"):
        wait_until(child, lambda: False, timeout=10)


def test_where_one_part_cannot_start_the_others_are_stopped(tmp_path: Path) -> None:
    parts = parts_below(tmp_path)
    parts.prepare()
    (tmp_path / "postgres" / "data" / "PG_VERSION").write_text("9\n")

    with pytest.raises(PartFailed, match="postgres"):
        parts.start()

    assert not listens(parts.redis.port)
    assert not listens(parts.kafka.port)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")
def test_below_a_folder_of_root_alone_the_server_runs_as_somebody_else(tmp_path: Path) -> None:
    home = tmp_path / "closed"
    home.mkdir(mode=0o700)
    parts = parts_below(home)
    parts.postgres.prepare()
    child = parts.postgres.start()
    try:
        parts.postgres.wait_ready(child)
        server = psutil.Process(child.process.pid)
        assert server.username() != "root"
    finally:
        child.process.send_signal(signal.SIGINT)
        assert child.finish(timeout=20)
    assert home.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")
def test_a_program_below_a_folder_of_root_alone_is_found_and_nothing_more_is_allowed(
    tmp_path: Path,
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    program = closed / "program"
    program.touch(mode=0o755)
    finds = f"import os, sys; sys.exit(not os.access({str(program)!r}, os.X_OK))"
    writes = f"open({str(closed / 'other')!r}, 'w')"
    somebody = Identity("nobody", search=True)

    run("finds", [sys.executable, "-c", finds], identity=somebody)
    with pytest.raises(PartFailed, match="PermissionError"):
        run("writes", [sys.executable, "-c", writes], identity=somebody)
