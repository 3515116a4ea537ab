"""What the command starts."""

import logging
from typing import Any

import pytest
import uvicorn

from services.outcomes import __main__ as command
from services.outcomes.settings import Settings

SETTINGS = Settings.model_validate(
    {
        "database_url": "postgresql://nobody@127.0.0.1:1/none",
        "keys_url": "postgresql://nobody@127.0.0.1:1/none",
        "key_encryption_key": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
        "redis_url": "redis://127.0.0.1:1/0",
        "public_url": "http://heroic.test",
    }
)


async def test_the_web_server_prints_no_messages_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its own handlers print the words of errors, and those quote what they were given."""
    served: list[Any] = []

    async def serve(server: uvicorn.Server) -> None:
        served.append(server.config)

    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        monkeypatch.setattr(logging.getLogger(name), "handlers", [])
    monkeypatch.setattr(uvicorn.Server, "serve", serve)
    await command.api(SETTINGS)
    assert len(served) == 1
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        assert logging.getLogger(name).handlers == []
