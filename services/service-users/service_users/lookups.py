"""Look-ups of accounts and identities by address and by subject."""

from db_utils import Reader, Transaction, VersionConflict
from sqlalchemy import String, bindparam, func, select

from service_users.models import Identite, Utilisateur

_BY_EMAIL = select(Utilisateur).where(func.lower(Utilisateur.email) == bindparam("email", type_=String))
_BY_SUBJECT = select(Identite).where(
    Identite.fournisseur == bindparam("fournisseur", type_=String),
    Identite.sujet == bindparam("sujet", type_=String),
)


async def by_email(reader: Reader, email: str) -> Utilisateur | None:
    """Return the living user with this address, given in stored form."""
    return await reader.one(_BY_EMAIL, email=email)


async def by_subject(reader: Reader, fournisseur: str, sujet: str) -> Identite | None:
    """Return the identity of this subject, which may belong to a deleted user."""
    return await reader.one(_BY_SUBJECT, fournisseur=fournisseur, sujet=sujet)


async def locked(tx: Transaction, seen: Utilisateur) -> Utilisateur:
    """Lock the owner of an address that was read without a lock, so that he keeps it until *tx* ends.

    Whoever frees the address later finds what *tx* has written. Raises VersionConflict when the owner has
    lost the address just now: the caller looks again.
    """
    utilisateur = await tx.get(Utilisateur, seen.id, lock=True)
    if utilisateur is None or utilisateur.email != seen.email:
        raise VersionConflict(Utilisateur.__tablename__)
    return utilisateur
