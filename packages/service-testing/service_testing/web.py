"""The HTTP client of tests."""

from typing import Any

import httpx
from grpc_utils.web import authorities

__all__ = ["web_client"]


def web_client(**options: Any) -> httpx.AsyncClient:
    """An `httpx.AsyncClient` with *options* that shares the certificate authorities of the process.

    Reading them again costs 20 ms of processor time, more than most tests take.
    """
    return httpx.AsyncClient(verify=authorities(), **options)
