"""The way of a content into the store: received, checked, written, then made visible (R1, R2, R4).

A content on its way is a file without a name, which is gone with its process. Only one that is
complete and allowed gets a row and reaches the store.
"""

import asyncio
import hashlib
import logging
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from db_utils import Conflict, Transaction, failpoint, retried
from service_kit import App
from sqlalchemy import bindparam, update

from service_documents import rules, usage
from service_documents.formats import type_of
from service_documents.models import DISPONIBLE, EN_COURS, PieceJointe
from service_documents.rules import Contenu, Description, TropVolumineux
from service_documents.settings import DocumentsSettings
from service_documents.storage import StockageIndisponible
from service_documents.storages import Storages

_log = logging.getLogger(__name__)

# The version stays 1: for callers the row begins here.
_FINISH = (
    update(PieceJointe)
    .where(PieceJointe.id == bindparam("identity"), PieceJointe.etat == EN_COURS)
    .values(
        etat=DISPONIBLE,
        categorie=bindparam("new_categorie"),
        immuable=bindparam("new_immuable"),
        a_purger_le=None,
    )
)


class Spool:
    """The bytes of a content that have come so far, in *file*; at most *most* of them."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self.file, self.taille = file, 0
        self._most, self._hash = most, hashlib.sha256()

    @property
    def digest(self) -> bytes:
        """The SHA-256 of what has come."""
        return self._hash.digest()

    async def add(self, block: bytes) -> None:
        """Take *block*. Raises TropVolumineux at the first byte too many (R2), StockageIndisponible."""
        self.taille += len(block)
        if self.taille > self._most:
            raise TropVolumineux(maximum=str(self._most))
        with _room():
            await asyncio.to_thread(self._add, block)

    def _add(self, block: bytes) -> None:
        self._hash.update(block)
        self.file.write(block)

    async def checked(self, description: Description) -> Contenu:
        """Compare what has come with *description*. Raises FichierVide, EmpreinteDifferente, TypeRefuse."""
        rules.check_received(description, self.taille, self.digest.hex())
        mime = await asyncio.to_thread(type_of, description.nom_fichier, description.type_mime, self.file)
        return Contenu(mime, self.taille, self.digest.hex())


class Depots:
    """What stores contents for *app*."""

    def __init__(self, app: App[DocumentsSettings]) -> None:
        self._db, self._settings = app.database, app.settings
        self._storages = app.part(Storages)

    @asynccontextmanager
    async def spool(self, most: int) -> AsyncIterator[Spool]:
        """A place for one content of at most *most* bytes on its way."""
        # Not in a thread: a caller who goes away meanwhile would leave the file open.
        with _room():
            file = _nameless(self._folder())
        with file:
            yield Spool(file, most)

    async def deposit(self, description: Description, blocks: AsyncIterator[bytes]) -> PieceJointe:
        """Store the content in *blocks* under *description*, and return its row (R1).

        Raises the refusals of R2, R4 and R6, StockageIndisponible.
        """
        owner, quota = description.organisation_id, self._settings.quota_octets
        await usage.check_room(self._db.read(), owner, max(description.taille, 1), quota)
        async with self.spool(self._settings.max_octets) as spool:
            async for block in blocks:
                await spool.add(block)
            contenu = await spool.checked(description)
            piece = rules.new_piece(description, contenu, self._settings.stockage)
            return await self.store(piece, spool, quota=quota)

    async def store(self, piece: PieceJointe, spool: Spool, *, quota: int, **final: Any) -> PieceJointe:
        """Write the content of *spool*, then make *piece* visible with *final* values of its columns.

        Raises Quota, StockageIndisponible, and Conflict for a second archive of a contract.
        """
        # In a task of its own: the row must be committed before the store has the content, even
        # where the call holds its transaction back (C21).
        await self._db.shielded(self._begin(piece))
        storage = await self._storages.of(piece.moteur)
        await storage.write(piece.cle_stockage, spool.file, spool.digest)
        failpoint("depot.after_write")
        try:
            return await retried(partial(self._finish, piece, quota, final))
        except (rules.Quota, Conflict):
            await self._drop(piece)
            raise

    def _folder(self) -> Path | None:
        """Where contents wait: beside the files, else where the system keeps such."""
        return self._settings.stockage_racine if self._settings.stockage == "fichier" else None

    async def _begin(self, piece: PieceJointe) -> None:
        async with self._db.transaction() as tx:
            await tx.insert(piece)

    async def _finish(self, piece: PieceJointe, quota: int, final: dict[str, Any]) -> PieceJointe:
        values = {"categorie": piece.categorie, "immuable": piece.immuable} | final
        async with self._db.transaction() as tx:
            await usage.take(tx, piece, quota)
            await self._show(tx, piece, values)
        for name, value in {**values, "etat": DISPONIBLE, "a_purger_le": None}.items():
            piece.__dict__[name] = value
        return piece

    async def _show(self, tx: Transaction, piece: PieceJointe, values: dict[str, Any]) -> None:
        new = {f"new_{name}": value for name, value in values.items()}
        if not await tx.execute(_FINISH, identity=piece.id, **new):
            raise StockageIndisponible  # it has taken more than an hour: its content may be gone

    async def _drop(self, piece: PieceJointe) -> None:
        """Remove a content that was stored in vain; what cannot be removed now is left to the job."""
        try:
            await (await self._storages.of(piece.moteur)).delete(piece.cle_stockage)
        except StockageIndisponible:
            _log.warning("a content that was refused waits to be removed: %s", piece.id)


@contextmanager
def _room() -> Iterator[None]:
    """Take a disk that is full or cannot be written for a store that is away."""
    try:
        yield
    except OSError as error:
        _log.error("no content can come in: %s", error.strerror)
        raise StockageIndisponible from error


def _nameless(folder: Path | None) -> BinaryIO:
    if folder is not None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return tempfile.TemporaryFile(dir=folder)
