"""What tests stand on (see `deploy.local.stacks`); nothing of it outlives the session."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local import stacks
from deploy.local.stacks import Stack

__all__ = ["Stack", "open_stack"]


@contextmanager
def open_stack() -> Iterator[Stack]:
    """Real PostgreSQL, Redis and Kafka; a local one lives in a temporary folder."""
    with (
        tempfile.TemporaryDirectory(prefix="heroic-test-", ignore_cleanup_errors=True) as folder,
        stacks.open_stack(Path(folder)) as stack,
    ):
        yield stack
