"""Ports of this machine on which nobody listens."""

import random
import socket

_LISTENING = (15_000, 32_000)  # below the ports of outgoing connections (ip_local_port_range, ip(7))


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether *port* could be listened on now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port that nobody listens on, and that no outgoing connection takes before its user does."""
    while True:
        port = random.randrange(*_LISTENING)
        if port_is_free(port):
            return port
