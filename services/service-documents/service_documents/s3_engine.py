"""Contents in a bucket of an S3-compatible store (R17). Imported only where one is used: boto3 is large."""

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Final
from urllib.parse import quote

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from service_documents.settings import DocumentsSettings
from service_documents.storage import TIMEOUT, Attachment, ObjectMissing, Opened, StorageFailure

_MISSING: Final = frozenset({"NoSuchKey", "404"})
_AFTER_THE_END: Final = "InvalidRange"


class S3Engine:
    """Contents in the bucket of *settings*."""

    name = "s3"

    def __init__(self, settings: DocumentsSettings) -> None:
        self._bucket = settings.s3_bucket
        self._encryption = {"ServerSideEncryption": "AES256"} if settings.s3_sse else {}
        self._client: Any = boto3.session.Session().client(
            "s3",
            endpoint_url=settings.s3_endpoint_url or None,
            region_name=settings.s3_region,
            aws_access_key_id=settings.s3_access_key.get_secret_value() or None,
            aws_secret_access_key=settings.s3_secret_key.get_secret_value() or None,
            config=Config(
                signature_version="s3v4",
                connect_timeout=TIMEOUT,
                read_timeout=TIMEOUT,
                retries={"total_max_attempts": 1},  # `Storage` tries again
                max_pool_connections=32,
                s3={"addressing_style": "path" if settings.s3_endpoint_url else "auto"},
            ),
        )

    def write(self, key: str, content: BinaryIO, sha256: bytes) -> None:
        """Put the object; the store compares its content with *sha256* before it keeps it."""
        content.seek(0)
        checksum = base64.b64encode(sha256).decode()
        with _failures():
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=content,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=checksum,
                **self._encryption,
            )

    def open(self, key: str, start: int, length: int) -> Opened:
        """Get a range of the object."""
        wanted = f"bytes={start}-{start + length - 1}"
        try:
            with _failures():
                body = self._client.get_object(Bucket=self._bucket, Key=key, Range=wanted)["Body"]
        except _AfterTheEndError:
            return io.BytesIO()
        return _Body(body)

    def delete(self, key: str) -> None:
        """Delete the object; S3 says the same whether it was there or not."""
        with _failures():
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def link(self, key: str, attachment: Attachment) -> str:
        """Sign an address under which the object is downloaded, never shown (RFC 6266)."""
        with _failures():
            return str(
                self._client.generate_presigned_url(
                    "get_object",
                    Params={
                        "Bucket": self._bucket,
                        "Key": key,
                        "ResponseContentDisposition": _disposition(attachment.nom_fichier),
                        "ResponseContentType": attachment.type_mime,
                    },
                    ExpiresIn=attachment.duree_s,
                )
            )


class _Body:
    """The streamed content of an answer."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def read(self, most: int, /) -> bytes:
        with _failures():
            return bytes(self._body.read(most))

    def close(self) -> None:
        self._body.close()


class _AfterTheEndError(Exception):
    """The object ends before the range that was asked for."""


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in _MISSING:
            raise ObjectMissing from error
        if code == _AFTER_THE_END:
            raise _AfterTheEndError from error
        raise StorageFailure(code) from error
    except (BotoCoreError, HTTPClientError) as error:
        raise StorageFailure(type(error).__name__) from error


def _disposition(name: str) -> str:
    plain = name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_").replace("\\", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
