"""Addresses that go round in a ring: A's new one is B's, B's is A's (R32). Nobody can be the first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from db_utils import Transaction
from grpc_utils.providers import KINDE
from sqlalchemy import String, Uuid, bindparam, select, update

from service_users import conflits, journal, lookups
from service_users.models import TRAITE, Identite, Utilisateur, WebhookRecu
from service_users.notifications import SOURCE

_LONGEST: Final = 20  # people; a longer ring waits for one of them to leave it
_utilisateur_id = bindparam("utilisateur_id", type_=Uuid, required=True)
_SUBJECT = select(Identite.sujet).where(
    Identite.utilisateur_id == _utilisateur_id, Identite.fournisseur == KINDE
)
_STEP_ASIDE = (
    update(Utilisateur)
    .where(Utilisateur.id == _utilisateur_id)
    .values(email=bindparam("aside", type_=String, required=True))
)


@dataclass(frozen=True, slots=True)
class _Wish:
    """That *utilisateur* is to have *email*, which *webhook* told, if that is not the one at work."""

    utilisateur: Utilisateur
    email: str
    webhook: WebhookRecu | None = None


async def exchange(tx: Transaction, utilisateur: Utilisateur, owner: Utilisateur, email: str) -> bool:
    """Give *utilisateur* the address of *owner*, and so on round the ring; False when there is none.

    Both are locked. Their other fields have been told already: a webhook in conflict applied them.
    """
    ring = await _ring(tx, utilisateur, owner, email)
    if not ring:
        return False
    await tx.execute(_STEP_ASIDE, utilisateur_id=utilisateur.id, aside=f"{utilisateur.id}@invalid")
    for wish in reversed(ring):
        await tx.update(wish.utilisateur, email=wish.email, email_verifie=True)
        await journal.note(tx, "adresse_echangee", wish.utilisateur.id, source=SOURCE)
        if wish.webhook is not None:
            await tx.update(wish.webhook, resultat=TRAITE, prochain_essai=None, charge_utile={})
            await conflits.resolve(tx, KINDE, wish.webhook.sujet)
    return True


async def _ring(tx: Transaction, first: Utilisateur, owner: Utilisateur, email: str) -> Sequence[_Wish]:
    """Who wants whose address, from *first* until somebody wants that of *first*; empty if nobody does."""
    wishes, holder = [_Wish(first, email)], owner
    while len(wishes) < _LONGEST:
        webhook = await _waiting(tx, holder)
        if webhook is None:
            return ()
        wanted = str(webhook.charge_utile["email"])
        wishes.append(_Wish(holder, wanted, webhook))
        if wanted == first.email:
            return wishes
        following = await lookups.by_email(tx, wanted)
        if following is None or any(following.id == one.utilisateur.id for one in wishes):
            return ()
        holder = await lookups.locked(tx, following)
    return ()


async def _waiting(tx: Transaction, holder: Utilisateur) -> WebhookRecu | None:
    """The latest webhook of *holder* that waits for an address, if it is the latest that we heard of him."""
    sujet = await tx.one(_SUBJECT, utilisateur_id=holder.id)
    seen = None if sujet is None else await conflits.waiting(tx, KINDE, sujet)
    webhook = None if seen is None else await tx.get(WebhookRecu, seen.id, lock=True)
    if webhook is None or not webhook.charge_utile.get("email"):
        return None
    horodatage, applied = webhook.horodatage_fournisseur, holder.fournisseur_maj_le
    if horodatage is not None and applied is not None and horodatage < applied:
        return None
    return webhook
