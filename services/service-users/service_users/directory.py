"""The one way to find or make the account of a person (R8, R9, R10).

Sign-ins, profiles, invitations and webhooks run it inside their own transaction, by `retried`.
Memberships are in `adhesions.py`, sign-ins in `sign_ins.py`, reprises of accounts in `reprise.py`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db_utils import Transaction, VersionConflict, clock
from grpc_utils import required
from grpc_utils.providers import LOCAL
from sqlalchemy import String, Uuid, bindparam, select

from service_users import (
    adhesions,
    adresses,
    conflits,
    identifiants,
    journal,
    lookups,
    outgoing,
    personnes,
    reprise,
    rules,
)
from service_users.adresses import Adresses
from service_users.models import Identite, Utilisateur
from service_users.personnes import Personne
from service_users.settings import UsersSettings

_OF_PROVIDER = select(Identite.sujet).where(
    Identite.utilisateur_id == bindparam("utilisateur_id", type_=Uuid),
    Identite.fournisseur == bindparam("fournisseur", type_=String),
)


@dataclass(frozen=True, slots=True)
class MatchedAccount:
    """The account that a person was found to have.

    Without an account, either it was deleted (*supprime*) or the person may not have the one of his
    address (*conflit*). With an account, *conflit* says that his new address belongs to *occupant*.
    *reprise_le* is the instant of a reprise made just now (R30).
    """

    utilisateur: Utilisateur | None
    cree: bool = False
    conflit: bool = False
    supprime: bool = False
    reprise_le: datetime | None = None
    occupant: Utilisateur | None = None

    def account(self) -> Utilisateur:
        """Return the account. Raises ConflitIdentite or CompteDesactive without one."""
        if self.utilisateur is not None:
            return self.utilisateur
        raise rules.ConflitIdentite if self.conflit else rules.CompteDesactive


async def forget(tx: Transaction, utilisateur: Utilisateur, source: str) -> None:
    """Delete the locked *utilisateur* (R5): identities stay, the address is free, the tokens end."""
    now = clock.now()
    await identifiants.forget(tx, utilisateur.id)
    await adhesions.retire_all(tx, utilisateur.id)
    changed = await adresses.cancel(tx, utilisateur.id)
    await tx.update(utilisateur, actif=False, supprime_le=now, jetons_depuis=now, **changed)
    await outgoing.revoke(tx, utilisateur.id, now, outgoing.SUPPRESSION)
    await conflits.release(tx, utilisateur.email)
    await journal.note(tx, "suppression", utilisateur.id, source=source)


async def suspend(tx: Transaction, utilisateur: Utilisateur) -> dict[str, Any]:
    """Return the columns that make the locked *utilisateur* inactive; an active one's tokens end (R28)."""
    if not utilisateur.actif:
        return {"actif": False}
    now = clock.now()
    await outgoing.revoke(tx, utilisateur.id, now, outgoing.DESACTIVATION)
    return {"actif": False, "jetons_depuis": now}


class Directory:
    """The accounts; *settings* say which sources are trusted and which applications newcomers get."""

    def __init__(self, settings: UsersSettings) -> None:
        self._trusted = frozenset(settings.trusted_email_providers)
        self._adresses, self._envelope = Adresses(settings), settings.envelope()
        self._applications = settings.default_apps

    def vouched(self, personne: Personne) -> bool:
        """Tell whether the source of *personne* vouches for his address (R8)."""
        return personnes.vouched(personne, self._trusted)

    async def upsert(self, tx: Transaction, personne: Personne) -> MatchedAccount:
        """Find the account of *personne* by subject, else by address, or make one (R8).

        An account that was found stays locked until the transaction ends. Raises ChampRequis when a
        newcomer has no address.
        """
        identite = await lookups.by_subject(tx, personne.fournisseur, personne.sujet)
        if identite is not None:
            utilisateur = await tx.get(Utilisateur, identite.utilisateur_id, lock=True)
            if utilisateur is None:
                return MatchedAccount(None, supprime=True)
            return await self._refreshed(tx, utilisateur, personne)
        if personne.fournisseur == LOCAL:  # a token of ours for an account that is gone
            return MatchedAccount(None, supprime=True)
        known = await lookups.by_email(tx, required(personne.email, "email"))
        if known is None:
            return await self.create(tx, personne)
        return await self._attached(tx, known, personne)

    async def create(self, tx: Transaction, personne: Personne) -> MatchedAccount:
        """Make an account for *personne*, with the identity that is the subject of our tokens (R2)."""
        verified = self.vouched(personne)
        utilisateur = await tx.insert(personnes.new_utilisateur(personne, self._applications, verified))
        await _attach(tx, utilisateur, LOCAL, str(utilisateur.id))
        if personne.fournisseur != LOCAL:
            await _attach(tx, utilisateur, personne.fournisseur, personne.sujet)
        await journal.note(tx, "creation", utilisateur.id, source=personne.source)
        return MatchedAccount(utilisateur, cree=True)

    async def _attached(self, tx: Transaction, known: Utilisateur, personne: Personne) -> MatchedAccount:
        """Attach the identity to the account of the person's address, or take it over, or refuse (R8)."""
        utilisateur = await lookups.locked(tx, known)
        provider = personne.fournisseur
        sujet = await tx.one(_OF_PROVIDER, utilisateur_id=known.id, fournisseur=provider)
        if sujet == personne.sujet:
            raise VersionConflict(Identite.__tablename__)  # attached since we looked by subject: look again
        if not self.vouched(personne):
            return await _refused(tx, utilisateur, personne, conflits.EMAIL_NON_VERIFIE)
        if not utilisateur.email_verifie:
            return await self._taken_over(tx, utilisateur, personne)
        if sujet is not None:
            return await _refused(tx, utilisateur, personne, conflits.AUTRE_SUJET)
        await _attach(tx, utilisateur, provider, personne.sujet)
        await journal.note(tx, "identite_liee", known.id, source=personne.source, fournisseur=provider)
        return MatchedAccount(utilisateur)

    async def _taken_over(
        self, tx: Transaction, utilisateur: Utilisateur, personne: Personne
    ) -> MatchedAccount:
        """Hand the account, whose address nobody has proved, to the owner of the address (R30)."""
        reprise_le = await reprise.take_over(tx, utilisateur, personne, self._envelope)
        await _attach(tx, utilisateur, personne.fournisseur, personne.sujet)
        return MatchedAccount(utilisateur, reprise_le=reprise_le)

    async def _refreshed(
        self, tx: Transaction, utilisateur: Utilisateur, personne: Personne
    ) -> MatchedAccount:
        """Update a known account with what its provider tells; an address in use is a conflict (R9)."""
        if personne.fournisseur == LOCAL:
            return MatchedAccount(utilisateur)  # our tokens repeat older data of this account
        changed = personnes.told_anew(utilisateur, personne)
        vouched = self.vouched(personne)
        if personne.email == utilisateur.email:
            changed |= {"email_verifie": True} if vouched else {}
        elif personne.email:
            owner = await lookups.by_email(tx, personne.email)
            if owner is not None:
                await tx.update(utilisateur, **changed)
                return await self._occupied(tx, utilisateur, await lookups.locked(tx, owner), personne)
            changed |= await self._moved(tx, utilisateur, personne.email, vouched=vouched)
        await tx.update(utilisateur, **changed)
        return MatchedAccount(utilisateur)

    async def _moved(
        self, tx: Transaction, utilisateur: Utilisateur, email: str, *, vouched: bool
    ) -> dict[str, Any]:
        """Return the columns that the new, free address *email* changes, at once or pending (R9, R29)."""
        if not vouched:
            return await self._adresses.told(tx, utilisateur, email)
        await conflits.release(tx, utilisateur.email)
        proved = {"email": email, "email_verifie": True}
        if email == utilisateur.email_en_attente:
            proved |= await adresses.cancel(tx, utilisateur.id)
        return proved

    async def _occupied(
        self, tx: Transaction, utilisateur: Utilisateur, owner: Utilisateur, personne: Personne
    ) -> MatchedAccount:
        await conflits.note(tx, owner, personne, conflits.EMAIL_PRIS)
        return MatchedAccount(utilisateur, conflit=True, occupant=owner)


async def _attach(tx: Transaction, utilisateur: Utilisateur, fournisseur: str, sujet: str) -> None:
    await tx.insert(Identite(utilisateur_id=utilisateur.id, fournisseur=fournisseur, sujet=sujet))


async def _refused(tx: Transaction, owner: Utilisateur, personne: Personne, motif: str) -> MatchedAccount:
    await conflits.note(tx, owner, personne, motif)
    return MatchedAccount(None, conflit=True)
