"""The space that an organisation takes, changed in the transaction of the file that takes it (R6)."""

from db_utils import Reader, Transaction
from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from service_documents.models import PieceJointe, UsageOrganisation
from service_documents.rules import Quota

_insert = insert(UsageOrganisation).values(
    organisation_id=bindparam("organisation"), octets=bindparam("taille"), fichiers=1
)
# One statement that decides and takes: of uploads at once, each sees what the former has taken.
_TAKE = _insert.on_conflict_do_update(
    index_elements=[UsageOrganisation.organisation_id],
    set_={
        "octets": UsageOrganisation.octets + _insert.excluded.octets,
        "fichiers": UsageOrganisation.fichiers + 1,
    },
    where=UsageOrganisation.octets + _insert.excluded.octets <= bindparam("quota"),
)
_GIVE_BACK = (
    update(UsageOrganisation)
    .where(UsageOrganisation.organisation_id == bindparam("organisation"))
    .values(
        octets=UsageOrganisation.octets - bindparam("taille"),
        fichiers=UsageOrganisation.fichiers - 1,
    )
)
_OCTETS = select(UsageOrganisation.octets).where(
    UsageOrganisation.organisation_id == bindparam("organisation")
)


async def check_room(reader: Reader, organisation_id: str, taille: int, quota: int) -> None:
    """Refuse a file of *taille* bytes that would not fit now, before it is sent. Raises Quota."""
    if (await reader.one(_OCTETS, organisation=organisation_id) or 0) + taille > quota:
        raise Quota(maximum=str(quota))


async def take(tx: Transaction, piece: PieceJointe, quota: int) -> None:
    """Count *piece*; its organisation stores *quota* bytes at most. Raises Quota."""
    named = {"organisation": piece.organisation_id, "taille": piece.taille, "quota": quota}
    if piece.taille > quota or not await tx.execute(_TAKE, **named):
        raise Quota(maximum=str(quota))


async def give_back(tx: Transaction, piece: PieceJointe) -> None:
    """Count *piece* no longer."""
    await tx.execute(_GIVE_BACK, organisation=piece.organisation_id, taille=piece.taille)
