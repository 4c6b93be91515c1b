"""Conflicts of a provider's person with an existing account (R10), and their end (R32).

Whatever frees an address calls `release` in the same transaction; `inbox.py` then takes the webhooks
that are due.
"""

from db_utils import Transaction, clock
from sqlalchemy import String, bindparam, exists, literal_column, select, update

from service_users import journal
from service_users.models import CONFLIT, Conflit, Utilisateur, WebhookRecu
from service_users.personnes import Personne

EMAIL_PRIS, EMAIL_NON_VERIFIE, AUTRE_SUJET = "EMAIL_PRIS", "EMAIL_NON_VERIFIE", "AUTRE_SUJET"

# Spelled as in its index, which would not be used otherwise.
ADDRESS = WebhookRecu.charge_utile.op("->>")(literal_column("'email'"))
_instant = bindparam("now", type_=WebhookRecu.recu_le.type)
_fournisseur = bindparam("fournisseur", type_=String)
_sujet = bindparam("sujet", type_=String)
_RELEASE = (
    update(WebhookRecu)
    .where(WebhookRecu.resultat == CONFLIT, bindparam("email", type_=String) == ADDRESS)
    .values(prochain_essai=_instant, tentatives=0)
)
_RELEASE_ALL = (
    update(WebhookRecu)
    .where(WebhookRecu.resultat == CONFLIT, WebhookRecu.prochain_essai.is_(None))
    .values(prochain_essai=_instant, tentatives=0)
)
_OPEN = (
    select(WebhookRecu)
    .where(
        WebhookRecu.fournisseur == _fournisseur,
        WebhookRecu.sujet == _sujet,
        WebhookRecu.resultat == CONFLIT,
    )
    .order_by(WebhookRecu.horodatage_fournisseur.desc().nulls_last())
    .limit(1)
)
# A subject may be in conflict over several addresses: only those that no webhook waits for are over.
_RESOLVE = (
    update(Conflit)
    .where(
        Conflit.fournisseur == _fournisseur,
        Conflit.sujet == _sujet,
        Conflit.resolu_le.is_(None),
        ~exists().where(
            WebhookRecu.fournisseur == Conflit.fournisseur,
            WebhookRecu.sujet == Conflit.sujet,
            WebhookRecu.resultat == CONFLIT,
            Conflit.email == ADDRESS,
        ),
    )
    .values(resolu_le=_instant)
)
_REOPEN = (
    update(Conflit)
    .where(
        Conflit.fournisseur == _fournisseur,
        Conflit.sujet == _sujet,
        Conflit.email == bindparam("email", type_=String),
        Conflit.resolu_le.is_not(None),
    )
    .values(resolu_le=None)
)


async def note(tx: Transaction, owner: Utilisateur, personne: Personne, motif: str) -> None:
    """Keep the conflict of *personne* with *owner*, in one row however often it comes back (R10)."""
    fournisseur, sujet, email = personne.fournisseur, personne.sujet, personne.email
    conflit = Conflit(
        fournisseur=fournisseur, sujet=sujet, email=email, utilisateur_existant_id=owner.id, motif=motif
    )
    if await tx.insert_if_absent(conflit):
        await journal.note(
            tx, "conflit", owner.id, source=personne.source, fournisseur=fournisseur, motif=motif
        )
    else:
        await tx.execute(_REOPEN, fournisseur=fournisseur, sujet=sujet, email=email)


async def release(tx: Transaction, email: str) -> None:
    """Make the webhooks due whose conflict is over *email*, which has just become free or changed hands."""
    await tx.execute(_RELEASE, email=email, now=clock.now())


async def release_all(tx: Transaction) -> None:
    """Make every webhook in conflict due."""
    await tx.execute(_RELEASE_ALL, now=clock.now())


async def waiting(tx: Transaction, fournisseur: str, sujet: str) -> WebhookRecu | None:
    """Return the latest webhook about the subject that is in conflict."""
    return await tx.one(_OPEN, fournisseur=fournisseur, sujet=sujet)


async def resolve(tx: Transaction, fournisseur: str, sujet: str) -> None:
    """Mark the conflicts of the subject as resolved, except those that a webhook is still in."""
    await tx.execute(_RESOLVE, fournisseur=fournisseur, sujet=sujet, now=clock.now())
