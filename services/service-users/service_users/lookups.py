"""Finding accounts, and identities, by what the outside knows of them."""

from db_utils import Reader, Transaction, VersionConflict
from sqlalchemy import String, bindparam, func, select

from service_users.models import Identite, Utilisateur

_BY_EMAIL = select(Utilisateur).where(func.lower(Utilisateur.email) == bindparam("email", type_=String))
_BY_SUBJECT = select(Identite).where(
    Identite.fournisseur == bindparam("fournisseur", type_=String),
    Identite.sujet == bindparam("sujet", type_=String),
)


async def by_email(reader: Reader, email: str) -> Utilisateur | None:
    """The living user with this address, in stored form."""
    return await reader.one(_BY_EMAIL, email=email)


async def by_subject(reader: Reader, fournisseur: str, sujet: str) -> Identite | None:
    """The identity of this subject, which may belong to a deleted user."""
    return await reader.one(_BY_SUBJECT, fournisseur=fournisseur, sujet=sujet)


async def locked(tx: Transaction, seen: Utilisateur) -> Utilisateur:
    """The owner of an address, who keeps it until *tx* ends: who frees it later finds what *tx* leaves.

    Raises VersionConflict when he has lost it just now: look again.
    """
    utilisateur = await tx.get(Utilisateur, seen.id, lock=True)
    if utilisateur is None or utilisateur.email != seen.email:
        raise VersionConflict(Utilisateur.__tablename__)
    return utilisateur
