"""Which files exist for callers: those whose content is stored and not deleted (R1)."""

from db_utils import Listing, Reader, Transaction
from grpc_utils import found
from sqlalchemy import bindparam, select

from service_documents.models import CONTRAT_SIGNE, DISPONIBLE, PieceJointe

PIECES = Listing(
    PieceJointe,
    sorts=("date_upload desc", "nom_fichier", "taille"),
    filters={
        "etat": None,
        "type_mime": None,
        "categorie": None,
        "uploaded_by": None,
        "entite_type": None,
        "entite_id": None,
        "du": lambda bound: PieceJointe.date_upload >= bound,
        "au": lambda bound: PieceJointe.date_upload <= bound,
    },
    search=PieceJointe.recherche_cle,
)
_ARCHIVE = select(PieceJointe).where(
    PieceJointe.entite_id == bindparam("contrat_id"),
    PieceJointe.categorie == CONTRAT_SIGNE,
    PieceJointe.etat == DISPONIBLE,
)


def visible(piece: PieceJointe | None) -> PieceJointe | None:
    """Return *piece* if it exists for callers."""
    return piece if piece is not None and piece.etat == DISPONIBLE else None


async def piece_of(reader: Reader, identity: str) -> PieceJointe:
    """Return the file *identity*. Raises Introuvable."""
    return found(visible(await reader.get(PieceJointe, identity)))


async def locked_piece_of(tx: Transaction, identity: str) -> PieceJointe:
    """Return the file *identity*, which no other writer changes until *tx* ends. Raises Introuvable."""
    return found(visible(await tx.get(PieceJointe, identity, lock=True)))


async def archive_of(reader: Reader, contrat_id: str) -> PieceJointe | None:
    """Return the archive of a contract of the scope's organisation, None without one (R14)."""
    return await reader.one(_ARCHIVE, contrat_id=contrat_id)
