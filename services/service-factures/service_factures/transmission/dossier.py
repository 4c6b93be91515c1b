"""The folder port: files for people, who hand them to a platform by its site (R36)."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from db_utils import clock
from grpc_utils.errors import FailedPrecondition

from service_factures.transmission.port import Adresse, FlowInfo, Flux, Refusee, Tardive, TypeDocument

DEFAUT: Final = "defaut"
"""Folder of the default société, whose id is empty."""

_NAMED_LIKE_IT: Final = f"{DEFAUT}~"  # no id holds this sign (C2)
_DROPPED: Final = ".deposes"


class AnnuaireNonConfigure(FailedPrecondition):
    """Aucun annuaire n'est configuré pour cette société."""


class Dossier:
    """The folder of one société, `<root>/<organisation>/<société>`; it is made at its first file.

    What was dropped is remembered beside it, so that a file that people have taken away is not
    dropped again.
    """

    def __init__(self, root: Path, organisation_id: str, societe_id: str) -> None:
        name = _NAMED_LIKE_IT if societe_id == DEFAUT else societe_id or DEFAUT
        self._folder = root / organisation_id / name

    async def deposer(self, fichier: bytes, flow_info: FlowInfo) -> Flux:
        """Write the file once under its name. Raises Tardive when the folder cannot take it."""
        await self.ecrire(flow_info.name, fichier, flow_info.tracking_id)
        return Flux(flow_id="", tracking_id=flow_info.tracking_id, depose_le=clock.now())

    async def chercher(
        self, curseur: str = "", *, tracking_id: str = "", depuis: datetime | None = None
    ) -> tuple[Sequence[Flux], str]:
        """The file of *tracking_id*, if it was dropped; nothing ever comes in."""
        dropped = bool(tracking_id) and (self._folder / _DROPPED / tracking_id).exists()
        return ([Flux(flow_id="", tracking_id=tracking_id)] if dropped else []), curseur

    async def telecharger(self, flow_id: str, doc_type: TypeDocument = "Original") -> bytes:
        """Nothing comes in by a folder. Raises Refusee."""
        raise Refusee("DOSSIER", "a folder has no incoming files")

    async def chercher_adresse(self, siren: str) -> Sequence[Adresse]:
        """A folder has no directory. Raises AnnuaireNonConfigure."""
        raise AnnuaireNonConfigure

    async def ecrire(self, name: str, content: bytes, tracking_id: str) -> None:
        """Write *content* under *name*, which may lie in a sub-folder, unless that was done before.

        Raises Tardive.
        """
        try:
            await asyncio.to_thread(self._write, name, content, tracking_id)
        except OSError as error:
            raise Tardive(f"{self._folder}: {error.strerror}") from error

    def _write(self, name: str, content: bytes, tracking_id: str) -> None:
        mark, target = self._folder / _DROPPED / tracking_id, self._folder / name
        for folder in (mark.parent, target.parent):
            folder.mkdir(parents=True, exist_ok=True)
        if mark.exists():
            return
        _write_once(target, content, mark.with_name(f".{uuid4().hex}"))
        _write_once(mark, b"", mark.with_name(f".{uuid4().hex}"))


def _write_once(target: Path, content: bytes, temporary: Path) -> None:
    """Write *target* so that it is there whole or not at all. Raises OSError.

    A file of that name with other content is another société's, or people's: it is kept.
    """
    if target.exists():
        if target.read_bytes() != content:
            raise FileExistsError(0, f"{target.name} is there with other content")
        return
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(target)
    except OSError:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)  # the commit that follows says that the file is there
    finally:
        os.close(directory)
