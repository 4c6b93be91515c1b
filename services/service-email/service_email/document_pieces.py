"""Documents as attachments: looked at when a mail is stored, fetched when it is to be sent (R5)."""

import asyncio
import hashlib
import logging
from typing import Any

import grpc
from crm.documents.documents_pb2 import DownloadPieceJointeRequest, GetPieceJointeRequest, PieceJointe
from crm.documents.documents_pb2_grpc import PieceJointeServiceStub
from grpc_utils import Peers, answered_or_none, failure_of, found, reason_of
from grpc_utils.errors import Refusal

from service_email.mime import Piece
from service_email.pieces import INTROUVABLE, PATIENCE, TROP_VOLUMINEUX, PieceNotYet
from service_email.transports import DeliveryFailure

_log = logging.getLogger(__name__)


async def described(peers: Peers, piece_jointe_id: str) -> PieceJointe | None:
    """The document as documents knows it, None while that is silent. Raises Introuvable."""
    request = GetPieceJointeRequest(id=piece_jointe_id)
    try:
        piece = await answered_or_none(peers.stub(PieceJointeServiceStub).Get(request))
    except (Refusal, grpc.aio.AioRpcError) as error:
        # A mail is worth more than the look at what it is to carry: that is fetched when it leaves.
        _log.warning("document %s is not looked at: %s", piece_jointe_id, failure_of(error))
        return None
    return found(piece, "piece_jointe_id")


async def downloaded(peers: Peers, entry: dict[str, Any], largest: int) -> Piece:
    """The document that *entry* of pieces_jointes names, of *largest* bytes at most.

    Raises PieceNotYet, and DeliveryFailure for one that is unknown or too large.
    """
    request = DownloadPieceJointeRequest(id=entry["piece_jointe_id"])
    try:
        async with asyncio.timeout(PATIENCE):
            stream = peers.stub(PieceJointeServiceStub).Download(request, timeout=PATIENCE)
            return await _read(stream, entry, largest)
    except TimeoutError as error:
        raise PieceNotYet("DEADLINE_EXCEEDED") from error
    except (Refusal, grpc.aio.AioRpcError) as error:
        failure = failure_of(error)
        if failure.code == grpc.StatusCode.NOT_FOUND:
            raise DeliveryFailure(f"{INTROUVABLE} : {entry['piece_jointe_id']}", permanent=True) from error
        raise PieceNotYet(reason_of(error) or failure.code.name) from error


async def _read(stream: Any, entry: dict[str, Any], largest: int) -> Piece:
    known, content = PieceJointe(), bytearray()
    async for part in stream:
        if part.HasField("piece"):
            known.CopyFrom(part.piece)
        content += part.bloc
        if max(known.taille, len(content)) > largest:
            raise DeliveryFailure(TROP_VOLUMINEUX, permanent=True)
    if hashlib.sha256(content).hexdigest() != known.sha256:
        raise PieceNotYet("DOCUMENT_ALTERE")
    return Piece(entry["nom"] or known.nom_fichier, known.type_mime, bytes(content))
