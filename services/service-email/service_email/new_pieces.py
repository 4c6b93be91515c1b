"""Attachments that a request brings: bytes, or documents that are fetched when the mail is sent (R5)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from mimetypes import MimeTypes
from typing import Any, Final

from crm.email import email_pb2 as pb
from grpc_utils import at_most, entry, file_name, opaque_id
from grpc_utils.errors import ChampRequis, FormatInvalide, InvalidArgument

from service_email.mime import Piece
from service_email.pieces import described

LARGEST_INLINE: Final = 2 * 1024 * 1024  # bytes of all attachments that come with a request
_LONGEST_TYPE: Final = 127  # characters
# RFC 6838 section 4.2. Parts of the first two kinds may not be encoded as all attachments are (RFC 2046).
_TYPE = re.compile(r"(?!multipart/|message/)[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")
_UNKNOWN: Final = "application/octet-stream"
_KNOWN_TYPES = MimeTypes()  # the types that Python knows, whatever this machine has installed


class PiecesTropVolumineuses(InvalidArgument):
    """Les pièces jointes envoyées avec la demande dépassent 2 Mio au total."""


@dataclass(frozen=True, slots=True)
class NewPiece:
    """An attachment: its entry of pieces_jointes, and its bytes, None for a document."""

    entry: dict[str, Any]
    contenu: bytes | None = field(default=None, repr=False)

    @property
    def asked(self) -> pb.NouvellePieceJointe:
        """The attachment in its stored form, as a request may say it."""
        return pb.NouvellePieceJointe(
            nom=self.entry["nom"],
            type_mime=self.entry["type_mime"],
            contenu=self.contenu or b"",
            piece_jointe_id=self.entry.get("piece_jointe_id", ""),
        )


def new_pieces(asked: Iterable[pb.NouvellePieceJointe]) -> list[NewPiece]:
    """The attachments that a request asks for.

    Raises ChampRequis, FormatInvalide, TropLong, PiecesTropVolumineuses.
    """
    found = []
    for position, one in enumerate(asked):
        with entry("pieces_jointes", position):
            found.append(_document(one) if one.piece_jointe_id else _inline(one))
    if sum(len(piece.contenu or b"") for piece in found) > LARGEST_INLINE:
        raise PiecesTropVolumineuses(champ="pieces_jointes")
    return found


def _document(one: pb.NouvellePieceJointe) -> NewPiece:
    if one.contenu:
        raise FormatInvalide("contenu ou piece_jointe_id, pas les deux", champ="contenu")
    known = opaque_id(one.piece_jointe_id, "piece_jointe_id") or ""
    nom = file_name(one.nom, "nom") if one.nom.strip() else ""
    return NewPiece({"nom": nom, "type_mime": "", "taille": 0, "piece_jointe_id": known})


def _inline(one: pb.NouvellePieceJointe) -> NewPiece:
    if not one.contenu:
        raise ChampRequis(champ="contenu")
    nom = file_name(one.nom, "nom")
    return NewPiece(described(Piece(nom, _type(one.type_mime, nom), one.contenu)), one.contenu)


def _type(declared: str, nom: str) -> str:
    if not declared:
        guessed, encoding = _KNOWN_TYPES.guess_type(nom)
        declared = guessed if guessed and encoding is None else _UNKNOWN
    declared = at_most(declared, _LONGEST_TYPE, "type_mime").lower()
    if not _TYPE.fullmatch(declared):
        raise FormatInvalide("type comme application/pdf", champ="type_mime")
    return declared
