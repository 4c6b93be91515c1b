"""Contents of files of all kinds, made here, and the calls that send and fetch them."""

import hashlib
import io
import zipfile
from typing import Any

from crm.documents import documents_pb2 as pb
from crm.documents.documents_pb2_grpc import PieceJointeServiceStub
from pypdf import PdfReader

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj<</Type/Catalog>>endobj\n%%EOF\n"
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xdb\x00C\x00" + bytes(64)
GIF = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,"
WEBP = b"RIFF\x24\x00\x00\x00WEBPVP8 \x18\x00\x00\x000\x01\x00\x9d\x01*\x01\x00\x01\x00"
EML = b"From: anne@exemple.fr\r\nDate: Mon, 30 Nov 2026 10:00:00 +0100\r\nSubject: Devis\r\n\r\nBonjour\r\n"
PROGRAM = b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00" + bytes(48)
PAGE = b"  <!DOCTYPE html><html><body>Bonjour</body></html>"


def zipped(*names: str, first: tuple[str, bytes] | None = None) -> bytes:
    """A zip of small files of these names; *first* stands before them, as it is."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        if first is not None:
            archive.writestr(zipfile.ZipInfo(first[0]), first[1], zipfile.ZIP_STORED)
        for name in names:
            archive.writestr(name, b"<x/>" * 20)
    return content.getvalue()


def office(folder: str, *more: str) -> bytes:
    """An Office Open XML document of the application of *folder*."""
    return zipped("[Content_Types].xml", "_rels/.rels", f"{folder}/document.xml", *more)


def open_document(kind: str) -> bytes:
    """An OpenDocument file of this *kind*, such as "text"."""
    mime = f"application/vnd.oasis.opendocument.{kind}".encode()
    return zipped("content.xml", "META-INF/manifest.xml", first=("mimetype", mime))


def pdf_of(size: int) -> bytes:
    """A PDF of so many bytes."""
    return (
        PDF
        + bytes(i % 251 for i in range(997)) * ((size - len(PDF)) // 997)
        + b"%" * ((size - len(PDF)) % 997)
    )


def sha256_of(content: bytes) -> str:
    """Its SHA-256 as it is answered."""
    return hashlib.sha256(content).hexdigest()


def text_of(pdf: bytes) -> str:
    """What a reader of *pdf* sees, with plain spaces."""
    pages = (page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    return "\n".join(pages).replace("\N{NO-BREAK SPACE}", " ")


async def created(pieces: PieceJointeServiceStub, **fields: Any) -> pb.PieceJointe:
    """A file that was sent at once; *fields* are those of the request that matter to the test."""
    usual = {"nom_fichier": "a.txt", "entite_type": "CLIENT", "entite_id": "c-1", "contenu": b"Bonjour"}
    return await pieces.Create(pb.CreatePieceJointeRequest(**{**usual, **fields}))


def messages(content: bytes, size: int = 200_000, **fields: Any) -> list[pb.UploadPieceJointeRequest]:
    """The messages of an upload of *content*, with its digest, in blocks of *size* bytes."""
    usual = {
        "nom_fichier": "a.pdf",
        "entite_type": "CLIENT",
        "entite_id": "c-1",
        "sha256": sha256_of(content),
    }
    blocks = [content[place : place + size] for place in range(0, len(content), size)]
    first = pb.UploadPieceJointeRequest(**{**usual, **fields})
    return [first, *(pb.UploadPieceJointeRequest(bloc=block) for block in blocks)]


async def uploaded(pieces: PieceJointeServiceStub, content: bytes, **fields: Any) -> pb.PieceJointe:
    """A file that was sent in blocks."""
    return await pieces.Upload(iter(messages(content, **fields)))


async def downloaded(
    pieces: PieceJointeServiceStub, identity: str, **part: int
) -> tuple[pb.PieceJointe, list[bytes]]:
    """The description and the blocks of a file. Raises AioRpcError."""
    answers = [answer async for answer in pieces.Download(pb.DownloadPieceJointeRequest(id=identity, **part))]
    return answers[0].piece, [answer.bloc for answer in answers[1:]]
