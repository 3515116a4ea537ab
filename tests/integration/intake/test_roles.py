"""Intake's processes: what is registered by HTTP is on Kafka a moment later."""

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer

from shared.contracts import decode
from shared.topics import topic
from tests.integration.intake.home import Caller, Intake

STOP_SECONDS = 20


async def start(intake: Intake, kafka: str, role: str) -> Process:
    """A process of intake with the settings of the test."""
    environment = os.environ | {
        "HEROIC_INTAKE_DATABASE_URL": intake.urls.app,
        "HEROIC_INTAKE_READER_URL": intake.urls.reader,
        "HEROIC_INTAKE_OWNER_URL": intake.urls.owner,
        "HEROIC_KEYS_URL": intake.settings.keys_url,
        "HEROIC_KEY_ENCRYPTION_KEY": intake.settings.key_encryption_key,
        "HEROIC_KAFKA": kafka,
    }
    command = [sys.executable, "-m", "services.intake", role]
    return await asyncio.create_subprocess_exec(*command, env=environment)


@pytest.fixture
async def worker(intake: Intake, kafka: str) -> AsyncIterator[Process]:
    """The worker, after the migration (which changes nothing the second time)."""
    for _ in range(2):
        migration = await start(intake, kafka, "migrate")
        assert await migration.wait() == 0
    process = await start(intake, kafka, "worker")
    yield process
    if process.returncode is None:
        process.kill()
        await process.wait()


async def test_a_client_is_on_kafka_and_their_name_is_not(
    worker: Process, kafka: str, caller: Caller
) -> None:
    client = await caller.client(given_name="Zxqvarian")
    consumer = AIOKafkaConsumer(
        topic("intake"), bootstrap_servers=kafka, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        async for record in consumer:
            if record.key == client["id"].encode():
                break
    finally:
        await consumer.stop()
    envelope = decode(record.value)
    assert envelope.event_type == "heroic.intake.ClientRegistered"
    assert envelope.tenant == caller.organisation_id
    assert envelope.stream == f"client-{client['id']}"
    assert b"Zxqvarian" not in record.value

    worker.terminate()
    async with asyncio.timeout(STOP_SECONDS):
        assert await worker.wait() == 0
