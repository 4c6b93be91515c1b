"""Contents in a folder of the file system (R17).

Folders are opened one after the other without following links, so that no key and no link leads
out of the root. Files are written beside their place and renamed, so that none is there in part.
"""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from service_documents.storage import Attachment, ObjectMissing, Opened, StorageFailure

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_COPIED = 256 * 1024  # bytes at a time


class FileEngine:
    """Contents below the folder *root*, which is made when it is needed first."""

    name = "fichier"

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    def write(self, key: str, content: BinaryIO, sha256: bytes) -> None:
        """Write beside the place and rename; on the disk before it returns."""
        with _failures(), self._folder(key, make=True) as (folder, name):
            unfinished = f".{name}-{secrets.token_hex(4)}"
            try:
                with os.fdopen(os.open(unfinished, _NEW, 0o600, dir_fd=folder), "wb") as file:
                    content.seek(0)
                    shutil.copyfileobj(content, file, _COPIED)
                    file.flush()
                    os.fsync(file.fileno())
                os.rename(unfinished, name, src_dir_fd=folder, dst_dir_fd=folder)
                os.fsync(folder)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(unfinished, dir_fd=folder)
                raise

    def open(self, key: str, start: int, length: int) -> Opened:
        """Open the file at *start*; its reader stops after *length* bytes by itself."""
        with _failures():
            try:
                with self._folder(key) as (folder, name):
                    file = os.fdopen(os.open(name, _OLD, dir_fd=folder), "rb")
            except FileNotFoundError as error:
                raise ObjectMissing from error
            file.seek(start)
            return _Part(file, length)

    def delete(self, key: str) -> None:
        """Remove the file, and what a process that was killed may have left beside it."""
        with _failures(), contextlib.suppress(FileNotFoundError), self._folder(key) as (folder, name):
            for left in os.listdir(folder):
                if left == name or left.startswith(f".{name}-"):
                    os.unlink(left, dir_fd=folder)
            os.fsync(folder)

    def link(self, key: str, attachment: Attachment) -> None:
        """Make none: nobody but this service reads its files."""
        return

    @contextmanager
    def _folder(self, key: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """The open folder of *key*, and the name of its file in there."""
        *parts, name = key.split("/")
        if any(part in ("", ".", "..") for part in (*parts, name)):
            raise ValueError(f"{key!r} is no key")
        if make:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        elif not self._root.is_dir():  # a volume that is not mounted: nothing is known to be lost
            raise StorageFailure("the root folder is missing")
        folder = os.open(self._root, _FOLDER)
        try:
            for part in parts:
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, 0o700, dir_fd=folder)
                inner = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
                os.close(folder)
                folder = inner
            yield folder, name
        finally:
            os.close(folder)


class _Part:
    """The next *length* bytes of *file*."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file, self._left = file, length

    def read(self, most: int, /) -> bytes:
        with _failures():
            block = self._file.read(min(most, self._left))
        self._left -= len(block)
        return block

    def close(self) -> None:
        self._file.close()


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageFailure(error.strerror or type(error).__name__) from error
