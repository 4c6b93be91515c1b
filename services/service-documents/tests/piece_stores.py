"""Stores of both kinds for tests, and a way to look into them and to damage them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import psutil
from botocore.config import Config
from service_documents.service import SERVICE
from service_kit import App
from service_testing import Mesh
from service_testing.s3 import BUCKET, s3_server

IDLE = replace(SERVICE, workers=())  # without its jobs, which tests call at the instant they choose


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of contents."""

    root: Path

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of a service that keeps its files here."""
        return {"stockage": "fichier", "stockage_racine": self.root}

    def objects(self) -> list[str]:
        """Everything that lies here, and is a file."""
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file())

    def put(self, key: str, content: bytes) -> None:
        """Replace a content behind the back of the service."""
        (self.root / key).write_bytes(content)

    def get(self, key: str) -> bytes:
        """A content as it lies here."""
        return (self.root / key).read_bytes()

    def remove(self, key: str) -> None:
        """Lose a content."""
        (self.root / key).unlink()


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of contents."""

    settings: dict[str, Any]
    client: Any

    def objects(self) -> list[str]:
        """Everything that lies here."""
        listed = self.client.list_objects_v2(Bucket=BUCKET)
        return sorted(one["Key"] for one in listed.get("Contents", ()))

    def put(self, key: str, content: bytes) -> None:
        """Replace a content behind the back of the service."""
        self.client.put_object(Bucket=BUCKET, Key=key, Body=content)

    def get(self, key: str) -> bytes:
        """A content as it lies here."""
        return bytes(self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def remove(self, key: str) -> None:
        """Lose a content."""
        self.client.delete_object(Bucket=BUCKET, Key=key)


Place = Folder | Bucket


def open_files(folder: Folder) -> int:
    """How many files below *folder* this process has open."""
    return sum(one.path.startswith(str(folder.root)) for one in psutil.Process().open_files())


def app_of(mesh: Mesh) -> App[Any]:
    """The application of documents, for the jobs."""
    return mesh["documents"].app


@contextmanager
def running_bucket() -> Iterator[Bucket]:
    """A bucket of a server that runs inside."""
    with s3_server() as store:
        client = boto3.session.Session().client(
            "s3",
            endpoint_url=store.url,
            region_name="eu-west-3",
            aws_access_key_id="essai",
            aws_secret_access_key="essai",
            config=Config(s3={"addressing_style": "path"}),
        )
        yield Bucket(store.settings, client)
        client.close()
