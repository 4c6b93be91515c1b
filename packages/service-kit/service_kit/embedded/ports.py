"""Ports of this machine on which nobody listens."""

import itertools
import random
import socket
import time
from collections.abc import Iterator

_LISTENING = range(15_000, 32_000)  # below the ports of outgoing connections (ip_local_port_range, ip(7))
# In order, each process from a place of its own: they rarely get to the same port at the same moment.
_START = random.randrange(len(_LISTENING))
_PATIENCE = (
    5.0  # seconds: an outgoing connection may have been given a port of ours, and most of them are short
)
_POLL = 0.05
_ports: Iterator[int] = itertools.cycle((*_LISTENING[_START:], *_LISTENING[:_START]))


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether *port* could be listened on now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def port_comes_free(port: int) -> bool:
    """Whether *port* could be listened on, now or within five seconds."""
    deadline = time.monotonic() + _PATIENCE
    while not (free := port_is_free(port)) and time.monotonic() < deadline:
        time.sleep(_POLL)
    return free


def free_port() -> int:
    """Return a port on which nobody listens, outside the range of outgoing connections.

    Two calls return two ports, even before the first one is used.
    """
    return next(port for port in _ports if port_is_free(port))
