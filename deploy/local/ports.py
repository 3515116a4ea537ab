"""Free ports on loopback."""

import socket

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """`count` different ports that nobody listened on a moment ago."""
    sockets = [socket.create_server((LOOPBACK, 0)) for _ in range(count)]
    ports = [int(server.getsockname()[1]) for server in sockets]
    for server in sockets:
        server.close()
    return ports


def listen_at(port: int) -> socket.socket | None:
    """A socket that listens on `port` (0: any free one); None where somebody else does."""
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError:
        return None


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` now."""
    listener = listen_at(port)
    if listener is None:
        return False
    listener.close()
    return True


def listens(port: int) -> bool:
    """Whether somebody accepts connections on `port`."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True
