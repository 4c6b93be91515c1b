"""The hourly job that removes contents which no file needs any more (R1, R16)."""

import logging
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from db_utils import clock, retried
from service_kit import App, Worker
from sqlalchemy import bindparam, select, tuple_

from service_documents import usage
from service_documents.models import DISPONIBLE, EFFACE, EN_COURS, PURGE, PieceJointe
from service_documents.settings import DocumentsSettings
from service_documents.storage import StockageIndisponible
from service_documents.storages import Storages

_log = logging.getLogger(__name__)

_BATCH: Final = 100
_NOW = bindparam("now", type_=PieceJointe.date_upload.type)
_EXPIRED = (
    select(PieceJointe.id).where(PieceJointe.etat == DISPONIBLE, PieceJointe.expire_le <= _NOW).limit(_BATCH)
)
_DUE = (
    select(PieceJointe)
    .where(
        PieceJointe.a_purger_le <= _NOW,
        tuple_(PieceJointe.a_purger_le, PieceJointe.id)
        > tuple_(
            bindparam("after", type_=PieceJointe.date_upload.type), bindparam("id", type_=PieceJointe.id.type)
        ),
    )
    .order_by(PieceJointe.a_purger_le, PieceJointe.id)
    .limit(_BATCH)
)
_FIRST = datetime.min.replace(tzinfo=UTC), UUID(int=0)


async def purge_contents(app: App[DocumentsSettings]) -> None:
    """Delete expired identity papers, then remove the contents that are due."""
    await _expire(app)
    storages, place = app.part(Storages), _FIRST
    while due := await app.database.read().all(_DUE, now=clock.now(), after=place[0], id=place[1]):
        for piece in due:
            assert piece.a_purger_le is not None
            place = piece.a_purger_le, piece.id  # one that cannot be removed now is passed by
            try:
                await _remove(app, storages, piece)
            except StockageIndisponible:
                _log.warning("the content of %s in %s waits to be removed", piece.id, piece.moteur)


async def _expire(app: App[DocumentsSettings]) -> None:
    """Delete identity papers at the end of their time: their contents go at once (R16)."""
    while expired := await app.database.read().all(_EXPIRED, now=clock.now()):
        for identity in expired:
            async with app.database.transaction() as tx:
                piece = await tx.get(PieceJointe, identity, lock=True)
                if piece is not None and piece.etat == DISPONIBLE:
                    await tx.update(piece, etat=EFFACE, a_purger_le=clock.now())
                    await usage.give_back(tx, piece)


async def _remove(app: App[DocumentsSettings], storages: Storages, piece: PieceJointe) -> None:
    if piece.etat == EN_COURS and not await retried(partial(_end_upload, app, piece.id)):
        return  # it has ended well at the last moment
    await (await storages.of(piece.moteur)).delete(piece.cle_stockage)
    async with app.database.transaction() as tx:
        gone = await tx.get(PieceJointe, piece.id, lock=True)
        if gone is not None:
            await tx.update(gone, etat=PURGE, a_purger_le=None)


async def _end_upload(app: App[DocumentsSettings], identity: UUID) -> bool:
    """Keep an upload that has not ended from ending; whether it had not."""
    async with app.database.transaction() as tx:
        piece = await tx.get(PieceJointe, identity, lock=True)
        if piece is None or piece.etat != EN_COURS:
            return False
        await tx.update(piece, etat=EFFACE)
        return True


PURGE_JOB = Worker("purge", purge_contents, every=timedelta(hours=1))
