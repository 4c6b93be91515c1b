"""An S3-compatible store for tests: moto as a server, on a socket of its own.

with s3_server() as store:
    async with running(SERVICE, **store.settings) as mesh: ...
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from service_kit.embedded import free_port

_STARTS = 30.0  # seconds
BUCKET = "documents"


@dataclass(frozen=True, slots=True)
class Store:
    """A running store with one empty bucket, and the *settings* with which services use it."""

    url: str

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of a service, by field name."""
        return {
            "stockage": "s3",
            "s3_endpoint_url": self.url,
            "s3_bucket": BUCKET,
            "s3_region": "eu-west-3",
            "s3_access_key": "essai",
            "s3_secret_key": "essai",
        }


@contextmanager
def s3_server() -> Iterator[Store]:
    """A store that runs inside."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        store = Store(f"http://127.0.0.1:{port}")
        _make_bucket(store.url)
        yield store
    finally:
        process.kill()
        process.wait()


def _make_bucket(url: str) -> None:
    """Make the bucket, once the server answers."""
    deadline = time.monotonic() + _STARTS
    place = b"<LocationConstraint>eu-west-3</LocationConstraint>"
    region = b"<CreateBucketConfiguration>%b</CreateBucketConfiguration>" % place
    while True:
        try:
            with urlopen(Request(f"{url}/{BUCKET}", data=region, method="PUT")):  # noqa: S310  # our own server
                return
        except (URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
