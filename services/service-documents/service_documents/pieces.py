"""PieceJointeService: files. Their contents come by `depots.py` and are read from `storage.py`."""

import hashlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import timedelta

from crm.common.common_pb2 import DeleteResponse
from crm.documents import documents_pb2 as pb
from crm.documents.documents_pb2_grpc import PieceJointeServiceServicer
from db_utils import clock
from grpc_utils import (
    Context,
    caller,
    expected_version,
    list_answer,
    opaque_id,
    page_of,
    required,
    timestamp,
    to_message,
)
from grpc_utils.errors import OrganisationRequise
from service_kit import App

from service_documents import rules, usage
from service_documents.depots import Depots
from service_documents.models import DISPONIBLE, EFFACE, PieceJointe
from service_documents.settings import DocumentsSettings
from service_documents.storage import Attachment, ObjectMissing
from service_documents.storages import Storages
from service_documents.visible import PIECES, locked_piece_of, piece_of, visible

_log = logging.getLogger(__name__)

Described = pb.UploadPieceJointeRequest | pb.CreatePieceJointeRequest


class PieceJointeService(PieceJointeServiceServicer):
    """Files of the caller's organisation."""

    def __init__(self, app: App[DocumentsSettings]) -> None:
        self._db, self._settings = app.database, app.settings
        self._depots, self._storages = app.part(Depots), app.part(Storages)

    async def Upload(
        self, requests: AsyncIterator[pb.UploadPieceJointeRequest], context: Context
    ) -> pb.PieceJointe:
        """Store a file that comes in blocks (R1, R2)."""
        first = await anext(requests)
        _check_owned(first)
        rules.check_announced(first)
        return await self._deposit(first, _blocs(first, requests))

    async def Create(self, request: pb.CreatePieceJointeRequest, context: Context) -> pb.PieceJointe:
        """Store a small file at once (R1, R2)."""
        if len(request.contenu) > rules.LARGEST_CONTENU:
            raise rules.TropVolumineux(maximum=str(rules.LARGEST_CONTENU))
        _check_owned(request)
        return await self._deposit(request, _single(request.contenu))

    async def _deposit(self, request: Described, blocs: AsyncIterator[bytes]) -> pb.PieceJointe:
        description = rules.described(request, caller().author, self._settings.max_octets)
        return to_message(await self._depots.deposit(description, blocs), pb.PieceJointe)

    async def Download(
        self, request: pb.DownloadPieceJointeRequest, context: Context
    ) -> AsyncGenerator[pb.DownloadPieceJointeResponse, None]:
        """Send a file, or a part of it; a whole one is compared with its SHA-256 on its way (R8, R9)."""
        piece = await piece_of(self._db.read(), request.id)
        debut, longueur = rules.part_of(piece.taille, request.debut, request.longueur)
        storage = await self._storages.of(piece.moteur)
        yield pb.DownloadPieceJointeResponse(piece=to_message(piece, pb.PieceJointe))
        read, digest = 0, hashlib.sha256()
        try:
            async with aclosing(storage.read(piece.cle_stockage, debut, longueur)) as blocs:
                async for bloc in blocs:
                    read += len(bloc)
                    digest.update(bloc)
                    yield pb.DownloadPieceJointeResponse(bloc=bloc)
        except ObjectMissing:
            _tell_loss(piece, "its content is missing")
            raise rules.ContenuAltere from None
        if read < longueur or (longueur == piece.taille and digest.hexdigest() != piece.sha256):
            _tell_loss(piece, "its content has changed")
            raise rules.ContenuAltere

    async def Get(self, request: pb.GetPieceJointeRequest, context: Context) -> pb.PieceJointe:
        """Read the description of a file."""
        return to_message(await piece_of(self._db.read(), request.id), pb.PieceJointe)

    async def List(
        self, request: pb.ListPiecesJointesRequest, context: Context
    ) -> pb.ListPiecesJointesResponse:
        """List files, the newest first unless another sort is asked for."""
        page = await page_of(PIECES, self._db.read(), request, etat=DISPONIBLE)
        return list_answer(pb.ListPiecesJointesResponse, page)

    async def ListByEntite(
        self, request: pb.ListPiecesJointesByEntiteRequest, context: Context
    ) -> pb.ListPiecesJointesByEntiteResponse:
        """List the files of one client, contract or other thing."""
        page = await page_of(
            PIECES,
            self._db.read(),
            request,
            etat=DISPONIBLE,
            entite_type=required(request.entite_type, "entite_type"),
            entite_id=opaque_id(required(request.entite_id, "entite_id"), "entite_id"),
        )
        return list_answer(pb.ListPiecesJointesByEntiteResponse, page)

    async def Update(self, request: pb.UpdatePieceJointeRequest, context: Context) -> pb.PieceJointe:
        """Change the description of a file, not of an archive (R10)."""
        async with self._db.transaction() as tx:
            piece = await locked_piece_of(tx, request.id)
            rules.check_mutable(piece)
            changed = rules.piece_changes(piece, request)
            await tx.update(piece, expected=expected_version(request), **changed)
        return to_message(piece, pb.PieceJointe)

    async def Delete(self, request: pb.DeletePieceJointeRequest, context: Context) -> DeleteResponse:
        """Hide a file for ever and give its space back; its content stays 30 days more (R1, R6, R10)."""
        async with self._db.transaction() as tx:
            piece = visible(await tx.get(PieceJointe, request.id, lock=True))
            if piece is not None:
                rules.check_mutable(piece)
                await tx.update(piece, etat=EFFACE, a_purger_le=clock.now() + rules.DELETED)
                await usage.give_back(tx, piece)
        return DeleteResponse(success=piece is not None)

    async def GenererLien(self, request: pb.GenererLienRequest, context: Context) -> pb.GenererLienResponse:
        """Give an address from which anybody may download the file for a while (R11)."""
        piece = await piece_of(self._db.read(), request.id)
        duree, now = rules.duration_of(request.duree_s), clock.now()
        storage = await self._storages.of(piece.moteur)
        attachment = Attachment(piece.nom_fichier, piece.type_mime, duree)
        url = await storage.link(piece.cle_stockage, attachment)
        if url is None:
            raise rules.LienNonDisponible
        return pb.GenererLienResponse(url=url, expire_le=timestamp(now + timedelta(seconds=duree)))

    async def VerifierIntegrite(
        self, request: pb.VerifierIntegriteRequest, context: Context
    ) -> pb.VerifierIntegriteResponse:
        """Read the content and compare it with the SHA-256 of its upload."""
        piece = await piece_of(self._db.read(), request.id)
        storage = await self._storages.of(piece.moteur)
        digest = hashlib.sha256()
        try:
            async for bloc in storage.read(piece.cle_stockage, 0, piece.taille + 1):
                digest.update(bloc)
            found = digest.hexdigest()
        except ObjectMissing:
            found = ""
        if found != piece.sha256:
            _tell_loss(piece, "its content is missing" if not found else "its content has changed")
        return pb.VerifierIntegriteResponse(
            conforme=found == piece.sha256, sha256_attendu=piece.sha256, sha256_calcule=found
        )


def _check_owned(request: Described) -> None:
    if not request.organisation_id:
        raise OrganisationRequise


async def _blocs(
    first: pb.UploadPieceJointeRequest, requests: AsyncIterator[pb.UploadPieceJointeRequest]
) -> AsyncIterator[bytes]:
    yield rules.bloc_of(first)
    async for request in requests:
        yield rules.later_bloc_of(request)


async def _single(contenu: bytes) -> AsyncIterator[bytes]:
    yield contenu


def _tell_loss(piece: PieceJointe, what: str) -> None:
    _log.error("document %s in %s: %s", piece.id, piece.moteur, what)
