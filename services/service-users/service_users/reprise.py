"""The reprise of an account whose address nobody has proved, by the owner of the address (R30)."""

from datetime import datetime

from db_utils import Envelope, Transaction, clock
from grpc_utils.providers import LOCAL
from sqlalchemy import String, Uuid, bindparam, delete

from service_users import adhesions, adresses, conflits, identifiants, journal, outgoing, personnes
from service_users.models import Identite, Utilisateur
from service_users.personnes import Personne

_OUTSIDE = delete(Identite).where(
    Identite.utilisateur_id == bindparam("utilisateur_id", type_=Uuid),
    Identite.fournisseur != bindparam("local", type_=String),
)


async def take_over(
    tx: Transaction, utilisateur: Utilisateur, personne: Personne, envelope: Envelope
) -> datetime:
    """Hand the locked *utilisateur* over to *personne*, the owner of its address; return the instant.

    Password, outside identities, tokens and connected accounts end, and so do the memberships that it
    does not have by an invitation to this address.
    """
    now = clock.now()
    await identifiants.forget(tx, utilisateur.id)
    await adhesions.cancel_made(tx, utilisateur.id)
    await tx.execute(_OUTSIDE, utilisateur_id=utilisateur.id, local=LOCAL)
    await adhesions.retire_uninvited(tx, utilisateur)
    prenom, nom = personnes.default_names(personne)
    changed = await adresses.cancel(tx, utilisateur.id)
    if utilisateur.suspendu_par_fournisseur:  # the suspended identity is gone
        changed |= {"actif": True, "suspendu_par_fournisseur": False}
    await tx.update(
        utilisateur,
        prenom=prenom,
        nom=nom,
        photo_url=personne.photo_url or None,
        telephone=None,
        email_verifie=True,
        fournisseur_maj_le=None,
        jetons_depuis=now,
        **changed,
    )
    await journal.note(tx, "adresse_reprise", utilisateur.id, source=personne.source)
    await outgoing.revoke(tx, utilisateur.id, now, outgoing.REPRISE)
    await outgoing.disconnect(tx, utilisateur.id)
    await outgoing.mail(tx, envelope, outgoing.COMPTE_REPRIS, utilisateur, utilisateur.email)
    await conflits.release(tx, utilisateur.email)
    return now
