"""What factures gives as the PDF of an invoice, before a mail carries it (R5, R25)."""

import hashlib
from typing import Any

import pytest
from crm.factures.factures_pb2 import DownloadFactureResponse
from service_email.mime import Piece
from service_email.pieces import LARGEST, PieceNotYet, checked
from service_email.transports import DeliveryFailure

PDF = b"%PDF-1.7 small"


def given(content: bytes = PDF, **fields: Any) -> DownloadFactureResponse:
    """An answer of factures; *fields* replace the usual ones."""
    usual = {
        "file_name": "FAC2026000001.pdf",
        "mime_type": "application/pdf",
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return DownloadFactureResponse(content=content, **(usual | fields))


@pytest.mark.parametrize(
    ("told", "nom"), [("FAC2026000001.pdf", "FAC2026000001.pdf"), ("../a\r\nb.pdf", "a__b.pdf")]
)
def test_R05_the_name_of_a_pdf_is_safe(told: str, nom: str) -> None:
    """Cleaned as names of documents are."""
    assert checked(given(file_name=told)) == Piece(nom, "application/pdf", PDF)


@pytest.mark.parametrize(
    "answer",
    [given(b""), given(b"<html>"), given(mime_type="text/html"), given(sha256="0" * 64), given(sha256="")],
    ids=["empty", "no PDF", "another type", "another content", "no hash"],
)
def test_R25_a_damaged_pdf_is_asked_for_again(answer: DownloadFactureResponse) -> None:
    """Nobody is sent what is not the invoice."""
    with pytest.raises(PieceNotYet, match="DOCUMENT_ALTERE"):
        checked(answer)


def test_R05_a_mail_carries_ten_mebibytes_at_most() -> None:
    """One byte more ends the message: trying again would not help."""
    fits = PDF + bytes(LARGEST - len(PDF))
    assert len(checked(given(fits)).contenu) == LARGEST
    with pytest.raises(DeliveryFailure) as refused:
        checked(given(fits + b"x"))
    assert (refused.value.reply, refused.value.permanent) == ("TROP_VOLUMINEUX", True)
