"""The making of documents, after their invoices are issued and complete (R30).

A number never waits for a document. An attempt is counted before it is made, so that one that ends its
process is made again; what was stored is never made twice.
"""

import asyncio
import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID
from weakref import WeakValueDictionary

from db_utils import Database, Reader, Scope, Transaction, due_rows, failpoint, take_due, within
from service_kit import App, Worker

from service_factures import audit, lecture
from service_factures.document_models import DocumentAFaire, FactureDocument, FactureLogo
from service_factures.documents import Document, Rendered, render
from service_factures.dossiers import document_of
from service_factures.models import Facture
from service_factures.settings import FacturesSettings
from service_factures.societes import stored_settings

GLYPHES: Final = "GLYPHES_MANQUANTS"
WAITS: Final = (timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1))
"""Time to the next attempt; after the last one it stays."""

_BATCH = 20
_log = logging.getLogger(__name__)
# Rendering takes the processor: one document at a time leaves the rest of it to calls.
_ONE = ThreadPoolExecutor(1, thread_name_prefix="documents")
_under_way: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()  # by invoice
_DUE = due_rows(DocumentAFaire, limit=_BATCH)


async def owe(tx: Transaction, facture: Facture) -> None:
    """Owe the document of *facture*, whose parties are frozen."""
    row = DocumentAFaire(organisation_id=facture.organisation_id, facture_id=facture.id)
    await tx.insert(row, if_absent=True)


async def make_documents(app: App[Any]) -> None:
    """Make every document that is due, one after the other."""
    while due := await _take(app.database):
        for one in due:
            with within(Scope(one.organisation_id)):
                await _attempt(app, one)


async def make(database: Database, facture: Facture, settings: FacturesSettings) -> FactureDocument:
    """The document of *facture*, made and stored unless somebody else was faster.

    Who downloads an invoice as soon as it is announced waits for the job that is at work on it. Raises
    what `render` raises.
    """
    async with _under_way.setdefault(facture.id, asyncio.Lock()):
        stored = await database.read().get(FactureDocument, facture.id)
        return stored or await _make(database, facture, settings)


async def _make(database: Database, facture: Facture, settings: FacturesSettings) -> FactureDocument:
    _log.debug("rendering the document of invoice %s", facture.id)
    document = await _document(database.read(), facture)
    rendered = await _rendered(document, settings.factures_police_secours)
    failpoint("document.before_stored")
    async with database.transaction() as tx:
        await _store(tx, facture, rendered)
    stored = await database.read().get(FactureDocument, facture.id)
    assert stored is not None, "it was written or was there"
    return stored


async def _take(database: Database) -> list[DocumentAFaire]:
    async with database.transaction() as tx:
        return await take_due(tx, _DUE, WAITS)


async def _attempt(app: App[Any], due: DocumentAFaire) -> None:
    facture = await app.database.read().get(Facture, due.facture_id)
    assert facture is not None, "the database holds on to it"
    # One document that cannot be made must not hold up those behind it, whatever a library raises.
    (done,) = await asyncio.gather(make(app.database, facture, app.settings), return_exceptions=True)
    if isinstance(done, Exception):
        told = "the document of invoice %s cannot be made, attempt %d"
        _log.error(told, facture.id, due.tentatives, exc_info=done)


async def _document(reader: Reader, facture: Facture) -> Document:
    contenu = await lecture.contenu_of(reader, facture)
    origine, logo = None, None
    if facture.facture_origine_id is not None:
        origine = await reader.get(Facture, facture.facture_origine_id)
    settings = await stored_settings(reader, facture.societe_id)
    if settings is not None and settings.logo_mime:
        logo = await reader.get(FactureLogo, settings.id)
    return document_of(facture, contenu, origine, logo.logo if logo else None)


async def _rendered(document: Document, font: str) -> Rendered:
    fallback = Path(font) if font else None
    return await asyncio.get_running_loop().run_in_executor(_ONE, render, document, fallback)


async def _store(tx: Transaction, facture: Facture, rendered: Rendered) -> None:
    current = await tx.get(Facture, facture.id, lock=True)
    assert current is not None, "what was issued stays"
    sha256 = hashlib.sha256(rendered.pdf).hexdigest()
    row = FactureDocument(
        organisation_id=facture.organisation_id,
        facture_id=facture.id,
        pdf=rendered.pdf,
        xml=rendered.xml,
        sha256=sha256,
    )
    if await tx.insert_if_absent(row):
        former = audit.state(current)
        if rendered.missing_glyphs:
            points = ",".join(f"U+{ord(sign):04X}" for sign in rendered.missing_glyphs)
            warnings = [*current.avertissements, f"{GLYPHES}:{points}"]
            await tx.update(current, avertissements=warnings)
        await audit.note(tx, current, audit.DOCUMENT, avant=former, acteur=audit.SYSTEME, sha256=sha256)
    due = await tx.get(DocumentAFaire, facture.id, lock=True)
    if due is not None:
        await tx.delete(due)


DOCUMENTS: Final = Worker("documents", make_documents, every=timedelta(seconds=10), wake_on=DocumentAFaire)
