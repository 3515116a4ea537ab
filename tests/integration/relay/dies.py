"""A relay that is killed between its n-th acknowledgement and the checkpoint.

python -m tests.integration.relay.dies SERVICE READER_URL KAFKA N
"""

import asyncio
import os
import signal
import sys

from shared.eventstore.tail import Cursor
from shared.relay import Leadership, Relay


async def main(service: str, reader_url: str, kafka: str, pages: str) -> None:
    """Relay until the end."""
    left = int(pages)
    move = Leadership._move_checkpoint

    async def die(self: Leadership, old: Cursor, new: Cursor) -> Cursor:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return await move(self, old, new)

    Leadership._move_checkpoint = die  # type: ignore[method-assign]  # the point of the exercise
    await Relay(service, reader_url, kafka).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
