"""How a process is asked whether it serves.

Light: containers ask each other process every half minute, so the kernel is not imported here.
"""

import http.client
from typing import Any
from urllib.parse import urlsplit

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

__all__ = ["SERVING", "health_at", "lives_at", "serves"]

_TIMEOUT = 3.0
SERVING = health_pb2.HealthCheckResponse.SERVING


def health_at(address: str, service: str = "") -> int:
    """Ask the process at *address* for the health of *service* ("": its own). Raises grpc.RpcError."""
    with grpc.insecure_channel(address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        return int(stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=_TIMEOUT).status)


def lives_at(url: str) -> bool:
    """Whether the edge that answers at *url* says that it lives."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def serves(address: str) -> bool:
    """Whether a service serves at *address* (`host:port`), or an edge at that URL."""
    if address.startswith("http://"):
        return lives_at(address)
    try:
        return health_at(address) == SERVING
    except grpc.RpcError:
        return False
