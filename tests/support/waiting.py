"""Waiting for conditions, so that no test sleeps for a guess."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

Value = TypeVar("Value")

STEP_SECONDS = 0.02


def eventually(condition: Callable[[], Value], seconds: float = 10) -> Value:
    """The first truthy value of `condition`; fails where none comes within `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {seconds} s: {condition}")
        time.sleep(STEP_SECONDS)
    return value


async def eventually_async(condition: Callable[[], Awaitable[Value]], seconds: float = 10) -> Value:
    """The same for a coroutine function."""
    deadline = time.monotonic() + seconds
    while not (value := await condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {seconds} s: {condition}")
        await asyncio.sleep(STEP_SECONDS)
    return value
