"""ArchiveService: the one archive of each signed contract. How it is made is in `archiving.py`."""

from crm.documents import documents_pb2 as pb
from crm.documents.documents_pb2_grpc import ArchiveServiceServicer
from db_utils import clock
from grpc_utils import Context, found, opaque_id, required, to_message
from grpc_utils.errors import OrganisationRequise
from service_kit import App

from service_documents.archive_job import WAITS, mark_done
from service_documents.archiving import Archiving
from service_documents.models import ECHEC, EN_ATTENTE, FAIT, ArchiveAFaire
from service_documents.settings import DocumentsSettings
from service_documents.visible import archive_of


class ArchiveService(ArchiveServiceServicer):
    """Archives of the contracts of the caller's organisation."""

    def __init__(self, app: App[DocumentsSettings]) -> None:
        self._db, self._archiving = app.database, app.part(Archiving)

    async def ArchiverContrat(
        self, request: pb.ArchiverContratRequest, context: Context
    ) -> pb.ArchiverContratResponse:
        """Archive a contract now; attempts that were given up begin anew (R12, R14)."""
        contrat_id = required(opaque_id(request.contrat_id, "contrat_id") or "", "contrat_id")
        if not request.organisation_id:
            raise OrganisationRequise
        key = request.organisation_id, contrat_id
        former = await self._begin_anew(key)
        piece, there = await self._archiving.archive(contrat_id, former.event_id if former else None)
        await self._note(key)
        return pb.ArchiverContratResponse(piece=to_message(piece, pb.PieceJointe), deja_archive=there)

    async def GetArchiveContrat(
        self, request: pb.GetArchiveContratRequest, context: Context
    ) -> pb.PieceJointe:
        """Read the description of the archive of a contract."""
        contrat_id = required(request.contrat_id, "contrat_id")
        return to_message(found(await archive_of(self._db.read(), contrat_id)), pb.PieceJointe)

    async def _begin_anew(self, key: tuple[str, str]) -> ArchiveAFaire | None:
        """Let the job try again what it has given up, in case this call fails too."""
        async with self._db.transaction() as tx:
            row = await tx.get(ArchiveAFaire, key, lock=True)
            if row is not None and row.etat == ECHEC:
                later = clock.now() + WAITS[0]
                await tx.update(row, etat=EN_ATTENTE, tentatives=1, prochain_essai=later, erreur=None)
        return row

    async def _note(self, key: tuple[str, str]) -> None:
        async with self._db.transaction() as tx:
            row = await tx.get(ArchiveAFaire, key, lock=True)
            if row is not None:
                await mark_done(tx, row)
            else:
                organisation_id, contrat_id = key
                done = ArchiveAFaire(organisation_id=organisation_id, contrat_id=contrat_id, etat=FAIT)
                await tx.insert(done, if_absent=True)
