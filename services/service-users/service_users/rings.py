"""Rings of addresses (R32): A's new address is B's, B's is A's, so that nobody can be the first.

The first one therefore steps aside, and the others follow one by one; `effects.py` applies them.
"""

from collections.abc import Sequence
from typing import Final

from db_utils import Transaction
from grpc_utils.providers import KINDE
from sqlalchemy import String, Uuid, bindparam, select, update

from service_users import conflits, lookups
from service_users.models import Identite, Utilisateur, WebhookRecu

_LONGEST: Final = 20  # other people; a longer ring waits until one of them leaves it
_utilisateur_id = bindparam("utilisateur_id", type_=Uuid)
_SUBJECT = select(Identite.sujet).where(
    Identite.utilisateur_id == _utilisateur_id, Identite.fournisseur == KINDE
)
# The search key stays empty until the update that gives the new address writes it again.
_STEP_ASIDE = (
    update(Utilisateur)
    .where(Utilisateur.id == _utilisateur_id)
    .values(email=bindparam("aside", type_=String), recherche_cle=b"")
)


async def ring(tx: Transaction, first: Utilisateur, owner: Utilisateur) -> Sequence[WebhookRecu]:
    """Return the webhooks in conflict by which *owner* would leave his address to *first*.

    Each gives its person the address of the next one, the last one that of *first*. Empty when they do
    not lead back to *first*. *first* and *owner* are locked; the others are from now on.
    """
    links: list[WebhookRecu] = []
    holder = owner
    while len(links) < _LONGEST:
        webhook = await _waiting(tx, holder)
        if webhook is None:
            return ()
        links.append(webhook)
        wanted = str(webhook.charge_utile["email"])
        if wanted == first.email:
            return links
        following = await lookups.by_email(tx, wanted)
        if following is None:
            return ()
        holder = await lookups.locked(tx, following)
    return ()


async def step_aside(tx: Transaction, first: Utilisateur) -> None:
    """Give *first* an impossible address within *tx*, so that his own is free until he gets the new one."""
    await tx.execute(_STEP_ASIDE, utilisateur_id=first.id, aside=f"{first.id}@invalid")


async def _waiting(tx: Transaction, holder: Utilisateur) -> WebhookRecu | None:
    """Return the latest webhook of *holder* that waits for an address, None if a later one was applied."""
    sujet = await tx.one(_SUBJECT, utilisateur_id=holder.id)
    seen = None if sujet is None else await conflits.waiting(tx, KINDE, sujet)
    webhook = None if seen is None else await tx.get(WebhookRecu, seen.id, lock=True)
    if webhook is None or not webhook.charge_utile.get("email"):
        return None
    horodatage, applied = webhook.horodatage_fournisseur, holder.fournisseur_maj_le
    if horodatage is not None and applied is not None and horodatage < applied:
        return None
    return webhook
