"""A load generator for one route: keep-alive connections that send the next request at once.

python -m tests.benchmarks._load HOST PORT PATH TOKEN CONNECTIONS SECONDS < bodies

Bodies are read from the standard input, one a line; the answer is `{"rate": …, "errors": …}` on
the standard output. In its own process, and bare: what it costs is not the server's.
"""

import asyncio
import sys
import time
from itertools import cycle

import msgspec
import uvloop


class Report(msgspec.Struct):
    """Requests a second after warming up, and how many were not answered by 2xx."""

    rate: float
    errors: int


async def load(
    host: str, port: int, requests: list[bytes], connections: int, seconds: float
) -> Report:
    """Send `requests` over `connections` for `seconds`."""
    source = cycle(requests)
    warm = time.perf_counter() + seconds / 5
    end = warm + seconds
    done = errors = 0

    async def call() -> None:
        nonlocal done, errors
        reader, writer = await asyncio.open_connection(host, port)
        while (now := time.perf_counter()) < end:
            writer.write(next(source))
            status, body = await answer(reader)
            if now >= warm:
                done += 1
            if not 200 <= status < 300:
                if not errors:
                    sys.stderr.buffer.write(body[:300] + b"\n")
                errors += 1
        writer.close()

    await asyncio.gather(*(call() for _ in range(connections)))
    return Report(done / (time.perf_counter() - warm), errors)


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body of one answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return int(head[9:12]), await reader.readexactly(int(length))


def request(path: str, token: str, body: bytes) -> bytes:
    """One request as it goes over the wire."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def main() -> None:
    """Do what the command line says."""
    host, port, path, token, connections, seconds = sys.argv[1:]
    bodies = sys.stdin.buffer.read().splitlines()
    requests = [request(path, token, body) for body in bodies]
    report = uvloop.run(load(host, int(port), requests, int(connections), float(seconds)))
    sys.stdout.buffer.write(msgspec.json.encode(report))


if __name__ == "__main__":
    main()
