"""The making of archives: the signed contract is read, made a PDF or copied, and stored once (R12 to R15).

`archive_job.py` does it for contracts whose signature was announced, `archives.py` when asked to.
"""

import asyncio
import logging
from uuid import UUID

from crm.contrats.contrats_pb2 import GetContratWithDetailsRequest, GetContratWithDetailsResponse
from crm.contrats.contrats_pb2_grpc import ContratServiceStub
from db_utils import Conflict
from grpc_utils import file_name, found
from service_kit import App

from service_documents import rules
from service_documents.depots import Depots, Spool
from service_documents.models import CONTRAT, CONTRAT_SIGNE, GENERAL, PieceJointe
from service_documents.noms import extension
from service_documents.parties import asked, parties_of
from service_documents.rules import Contenu, ContenuAltere, ContratNonSigne, Description
from service_documents.settings import DocumentsSettings
from service_documents.storage import ObjectMissing
from service_documents.storages import Storages
from service_documents.visible import archive_of, visible

_log = logging.getLogger(__name__)

SYSTEME = "systeme"
_PATIENCE = 3.0  # seconds for each call (R12)
_OURS = "documents:"  # begins the document_url of a contract whose file is stored here (R13)
_NO_QUOTA = 2**62  # an archive is never refused for want of space
_LARGEST_ARCHIVE = 64 * 1024 * 1024  # bytes; a copied file has passed the limit that was in force then


class Archiving:
    """What makes archives for *app*, in the scope of one organisation."""

    def __init__(self, app: App[DocumentsSettings]) -> None:
        self._db, self._peers, self._settings = app.database, app.peers, app.settings
        self._depots, self._storages = app.part(Depots), app.part(Storages)

    async def archive(self, contrat_id: str, event_id: UUID | None) -> tuple[PieceJointe, bool]:
        """Return the archive of a contract, and whether it was there before (R14).

        *event_id* is that of its contract.signed. Raises Introuvable, ContratNonSigne, Unavailable,
        ContenuAltere.
        """
        former = await archive_of(self._db.read(), contrat_id)
        if former is not None:
            return former, True
        details = await self._signed(contrat_id)
        try:
            return await self._made(details, event_id), False
        except Conflict:  # another process, or another call here, was faster
            return found(await archive_of(self._db.read(), contrat_id)), True

    async def _signed(self, contrat_id: str) -> GetContratWithDetailsResponse:
        stub = self._peers.stub(ContratServiceStub)
        request = GetContratWithDetailsRequest(id=contrat_id)
        details = found(await asked("contrats", stub.GetWithDetails(request, timeout=_PATIENCE)))
        if not details.contrat.HasField("date_signature"):
            raise ContratNonSigne
        return details

    async def _made(self, details: GetContratWithDetailsResponse, event_id: UUID | None) -> PieceJointe:
        source = await self._source(details.contrat.document_url)
        async with self._depots.spool(_LARGEST_ARCHIVE) as spool:
            if source is not None:
                mime = await self._copy(source, spool)
                suffix = extension(source.nom_fichier)
            else:
                await spool.add(await self._build(details, event_id))
                mime, suffix = "application/pdf", "pdf"
            contenu = Contenu(mime, spool.taille, spool.digest.hex())
            description = _description(details, suffix)
            piece = rules.new_piece(description, contenu, self._settings.stockage)
            # The category comes with the content: of two attempts at once the index lets one through.
            return await self._depots.store(
                piece, spool, quota=_NO_QUOTA, categorie=CONTRAT_SIGNE, immuable=True
            )

    async def _source(self, document_url: str) -> PieceJointe | None:
        """Return the file that the contract names as its signed document, if it is stored here."""
        if not document_url.startswith(_OURS):
            return None
        identity = document_url.removeprefix(_OURS)
        source = visible(await self._db.read().get(PieceJointe, identity))
        if source is None:
            _log.warning("the signed document %s of a contract is gone: a PDF is made", identity)
        return source

    async def _copy(self, source: PieceJointe, spool: Spool) -> str:
        """Copy the content of *source*, and return its type. Raises ContenuAltere, StockageIndisponible."""
        storage = await self._storages.of(source.moteur)
        try:
            async for bloc in storage.read(source.cle_stockage, 0, source.taille):
                await spool.add(bloc)
        except ObjectMissing:
            raise ContenuAltere from None
        if spool.digest.hex() != source.sha256:
            raise ContenuAltere
        return source.type_mime

    async def _build(self, details: GetContratWithDetailsResponse, event_id: UUID | None) -> bytes:
        # Only here: fpdf2 and what it needs take memory that a process without archives has not to pay.
        from service_documents.contrat_pdf import contract_pdf

        parties = await parties_of(details.contrat, self._peers)
        return await asyncio.to_thread(contract_pdf, details, parties, str(event_id or ""))


def _description(details: GetContratWithDetailsResponse, suffix: str) -> Description:
    contrat = details.contrat
    return Description(
        organisation_id=contrat.organisation_id,
        nom_fichier=file_name(f"contrat-{contrat.reference}.{suffix}"),
        type_mime="",
        entite_type=CONTRAT,
        entite_id=contrat.id,
        categorie=GENERAL,
        description=None,
        sha256="",
        taille=0,
        uploaded_by=SYSTEME,
    )
