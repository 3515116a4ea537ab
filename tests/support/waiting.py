"""Waiting for conditions, so that no test sleeps for a guess."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

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


async def until_equal(
    found: Callable[[], Awaitable[Mapping[str, Any]]], wanted: Mapping[str, Any], seconds: float
) -> None:
    """Wait until all that is found is what is wanted; else fail with the first that differs."""
    last: list[Mapping[str, Any]] = []

    async def equal() -> bool:
        last[:] = [await found()]
        return last[0] == wanted

    try:
        await eventually_async(equal, seconds)
    except AssertionError:
        for key in sorted(last[0].keys() | wanted.keys()):
            assert last[0].get(key) == wanted.get(key), key
        raise
