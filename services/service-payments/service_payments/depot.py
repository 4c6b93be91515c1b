"""The folder of files for banks, REMISES_DIR: each file of a committed remise lies there once.

A file is written under a hidden name before the commit and gets its own name after it. What a crash
left hidden is settled by the next run of its société: renamed when its remise exists, else dropped. So
a bank's channel may take files away, and none comes back.
"""

import asyncio
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from db_utils import Reader
from sqlalchemy import bindparam, select

from service_payments.sepa_models import Remise

_HIDDEN = ".part"
_KNOWN = select(Remise.id).where(
    Remise.organisation_id == bindparam("organisation_id"), Remise.msg_id == bindparam("msg_id")
)


def file_name(msg_id: str) -> str:
    """Return the name of the file of a remise."""
    return f"{msg_id}.xml"


class Depot:
    """The files of one société in *folder*; without a folder nothing is written."""

    def __init__(self, folder: Path | None, organisation_id: str, societe_id: str) -> None:
        self._folder, self._organisation_id = folder, organisation_id
        owner = hashlib.sha256(f"{organisation_id}/{societe_id}".encode()).hexdigest()[:16]
        self._prefix = f".{owner}-"

    async def prepare(self, msg_id: str, content: bytes) -> None:
        """Write a file under its hidden name, on disk before this returns."""
        if self._folder is not None:
            await asyncio.to_thread(_write, self._hidden(self._folder, msg_id), content)

    def publish(self, msg_id: str) -> None:
        """Give a file that was prepared its name, after the commit of its remise."""
        if self._folder is not None:
            self._hidden(self._folder, msg_id).replace(self._folder / file_name(msg_id))

    def discard(self, msg_id: str) -> None:
        """Drop a file whose remise was not committed."""
        if self._folder is not None:
            self._hidden(self._folder, msg_id).unlink(missing_ok=True)

    async def settle(self, reader: Reader) -> None:
        """Publish or drop what an interrupted run has left, under the lock of the société's runs."""
        for msg_id in list(self._left()):
            known = await reader.one(_KNOWN, organisation_id=self._organisation_id, msg_id=msg_id)
            (self.publish if known else self.discard)(msg_id)

    def _left(self) -> Iterator[str]:
        for path in self._folder.glob(f"{self._prefix}*{_HIDDEN}") if self._folder else ():
            yield path.name.removeprefix(self._prefix).removesuffix(_HIDDEN)

    def _hidden(self, folder: Path, msg_id: str) -> Path:
        return folder / f"{self._prefix}{msg_id}{_HIDDEN}"


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Bank accounts stand in it: nobody but the account of the service reads it.
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
