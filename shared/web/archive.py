"""A zip archive as a stream: written as it is read, whatever its size.

By the standard library: `zipfile` writes to what cannot seek, with the sizes after each member.
`stream-zip` and `zipstream-ng` do the same with threads between, the one with a second library of
ciphers, the other for sources that do not wait.
"""

import csv
import io
import zipfile
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

FLUSH_BYTES = 64 * 1024

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""By what a spreadsheet takes a text for a formula."""


class Member(NamedTuple):
    """A file of the archive: its name, and its content as it comes."""

    name: str
    content: AsyncIterator[bytes]


class Sink(io.RawIOBase):
    """Takes what the archive writes until somebody fetches it."""

    def __init__(self) -> None:
        super().__init__()
        self._chunks: list[bytes] = []
        self.size = 0

    def writable(self) -> bool:
        """It takes bytes, and cannot seek."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # whatever zipfile gives
        """Keep some more."""
        self._chunks.append(bytes(data))
        self.size += len(data)
        return len(data)

    def take(self) -> bytes:
        """All that is kept."""
        taken, self._chunks, self.size = b"".join(self._chunks), [], 0
        return taken


async def zipped(members: Iterable[Member], at: datetime) -> AsyncIterator[bytes]:
    """The archive of `members`, each read only when the one before has ended; `at` is the time
    that their files have."""
    sink = Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name, at.timetuple()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o600 << 16
            with archive.open(info, "w", force_zip64=True) as file:
                async for chunk in content:
                    file.write(chunk)
                    if sink.size >= FLUSH_BYTES:
                        yield sink.take()
    yield sink.take()


def cell(value: object) -> object:
    """A value as it may stand in a table: a text that a spreadsheet would take for a formula has an
    apostrophe before it. Numbers are ours, and stay numbers."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value


async def table(
    columns: Sequence[str],
    rows: AsyncIterator[Sequence[object]],
    count: Callable[[], None] = lambda: None,
) -> AsyncIterator[bytes]:
    """Rows as CSV in UTF-8, a chunk a row, below a line of names; None is an empty cell."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)
    async for row in rows:
        count()
        writer.writerow([cell(value) for value in row])
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue().encode()
