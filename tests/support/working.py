"""A worker in this process."""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.worker import Worker


@asynccontextmanager
async def working(worker: Worker) -> AsyncIterator[None]:
    """`worker` runs inside the block, and leaves nothing behind that it set for its process."""
    threshold = gc.get_threshold()
    running = asyncio.create_task(worker.run())
    yield
    worker.stop()
    assert await running == 0
    gc.set_threshold(*threshold)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().remove_signal_handler(number)
