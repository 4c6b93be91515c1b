"""The job that archives the contracts whose signature was announced (R12).

An attempt is counted before it is made: one that ends its process is made again, but not for ever.
"""

import logging
from datetime import timedelta
from typing import Any, Final

from db_utils import Database, Scope, Transaction, due_rows, failpoint, take_due, within
from grpc_utils.errors import Introuvable, Refusal, Unavailable
from service_kit import App, Worker

from service_documents.archiving import Archiving
from service_documents.models import ECHEC, EN_ATTENTE, FAIT, ArchiveAFaire
from service_documents.rules import ContenuAltere, ContratNonSigne
from service_documents.settings import DocumentsSettings

_log = logging.getLogger(__name__)

WAITS: Final = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
)  # after each failed attempt but the last (R12)
MOST_ATTEMPTS: Final = len(WAITS) + 1
_BATCH: Final = 10
_FOR_GOOD = (Introuvable, ContratNonSigne)  # what no further attempt changes (R15)
_FOR_NOW = (Unavailable, ContenuAltere)

_DUE = due_rows(ArchiveAFaire, ArchiveAFaire.etat == EN_ATTENTE, limit=_BATCH)


async def archive_due(app: App[DocumentsSettings]) -> None:
    """Archive every contract that is due, one after the other."""
    archiving = app.part(Archiving)
    while due := await _take(app.database):
        for archive in due:
            with within(Scope(archive.organisation_id)):
                await _attempt(app.database, archiving, archive)


async def _take(database: Database) -> list[ArchiveAFaire]:
    async with database.transaction() as tx:
        return await take_due(tx, _DUE, WAITS)


async def _attempt(database: Database, archiving: Archiving, archive: ArchiveAFaire) -> None:
    if archive.tentatives > MOST_ATTEMPTS:
        await _give_up(database, archive, "each attempt ended with its process")
        return
    try:
        await archiving.archive(archive.contrat_id, archive.event_id)
    except _FOR_GOOD as refusal:
        _log.warning("contract %s is not archived: %s", archive.contrat_id, refusal.reason)
        await _note(database, archive, etat=ECHEC, prochain_essai=None, erreur=refusal.reason)
    except _FOR_NOW as refusal:
        await _failed(database, archive, refusal)
    else:
        failpoint("archive.before_done")
        async with database.transaction() as tx:
            await mark_done(tx, archive)


async def _failed(database: Database, archive: ArchiveAFaire, refusal: Refusal) -> None:
    if archive.tentatives >= MOST_ATTEMPTS:
        await _give_up(database, archive, refusal.reason)
        return
    _log.warning("contract %s waits for its archive: %s", archive.contrat_id, refusal.reason)
    await _note(database, archive, erreur=refusal.reason)


async def _give_up(database: Database, archive: ArchiveAFaire, erreur: str) -> None:
    _log.error(
        "contract %s of %s has no archive after %d attempts: %s; ArchiverContrat starts them again",
        archive.contrat_id,
        archive.organisation_id,
        MOST_ATTEMPTS,
        erreur,
    )
    await _note(database, archive, etat=ECHEC, prochain_essai=None, erreur=erreur)


async def _note(database: Database, archive: ArchiveAFaire, **columns: Any) -> None:
    async with database.transaction() as tx:
        await tx.update(archive, **columns)


async def mark_done(tx: Transaction, archive: ArchiveAFaire) -> None:
    """Note that the archive of a contract is there."""
    await tx.update(archive, etat=FAIT, prochain_essai=None, erreur=None)


ARCHIVING = Worker("archives", archive_due, every=timedelta(seconds=10), wake_on=ArchiveAFaire)
