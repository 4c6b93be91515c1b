"""Attachments: how they are stored, and the PDF of an invoice, fetched when its mail is to be sent (R5, R25).

`enclosing.py` brings together what a mail carries.
"""

import hashlib
from typing import Any

import grpc
from crm.factures.factures_pb2 import DownloadFactureRequest, DownloadFactureResponse
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from grpc_utils import Peers, file_name, info_of, reason_of
from grpc_utils.errors import Refusal

from service_email.mime import Piece
from service_email.models import ContenuPiece, Message
from service_email.transports import DeliveryFailure

LARGEST = 10 * 1024 * 1024  # bytes of all attachments of a mail (R5)
TROP_VOLUMINEUX = "TROP_VOLUMINEUX"
INTROUVABLE = "INTROUVABLE"
PATIENCE = 5.0  # seconds for one document (R25)
_PDF = "application/pdf"


def described(piece: Piece) -> dict[str, Any]:
    """The entry of pieces_jointes that tells of *piece*."""
    return {
        "nom": piece.nom,
        "type_mime": piece.type_mime,
        "taille": len(piece.contenu),
        "sha256": hashlib.sha256(piece.contenu).hexdigest(),
    }


def content_row(message: Message, rang: int, contenu: bytes) -> ContenuPiece:
    """The row that holds the bytes of an attachment of *message*."""
    return ContenuPiece(
        organisation_id=message.organisation_id, message_id=message.id, rang=rang, contenu=contenu
    )


class PieceNotYet(Exception):
    """A PDF that may come later; *reason* says for the journal why it has not come."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def invoice_pdf(message: Message, peers: Peers) -> Piece | None:
    """The PDF of the invoice that *message* is about, None when its organisation has no such invoice.

    The scope is that organisation. Raises PieceNotYet, and DeliveryFailure for a PDF that no mail may carry.
    """
    request = DownloadFactureRequest(id=message.facture_id or "")
    try:
        given = await peers.stub(InvoiceServiceStub).Download(request, timeout=PATIENCE)
    except grpc.aio.AioRpcError as error:
        if error.code() == grpc.StatusCode.NOT_FOUND:
            return None
        raise PieceNotYet(_told(error)) from error
    except Refusal as error:
        raise PieceNotYet(reason_of(error)) from error
    return checked(given)


def _told(error: grpc.aio.AioRpcError) -> str:
    """The reason of a refusal, with what an invoice lacks for its document (factures R12)."""
    info = info_of(error)
    missing = info.metadata.get("manque")
    return (info.reason or error.code().name) + (f" ({missing})" if missing else "")


def checked(given: DownloadFactureResponse) -> Piece:
    """The attachment that factures has *given*. Raises PieceNotYet, DeliveryFailure for one too large."""
    content = given.content
    if len(content) > LARGEST:
        raise DeliveryFailure(TROP_VOLUMINEUX, permanent=True)
    whole = hashlib.sha256(content).hexdigest() == given.sha256
    if not (whole and given.mime_type == _PDF and content.startswith(b"%PDF-")):
        raise PieceNotYet("DOCUMENT_ALTERE")
    return Piece(file_name(given.file_name), _PDF, content)
