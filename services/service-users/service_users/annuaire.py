"""Finding or making the account of a person whom some source tells of (R8, R9, R10).

The one way in for sign-ins, profiles and webhooks; each runs it inside its own transaction,
under `insisting`. Memberships are in `adhesions.py`, sign-ins in `connexions.py`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from db_utils import Conflict, Reader, Transaction, VersionConflict, clock
from grpc_utils import required
from grpc_utils.errors import ConflitDEcriture
from grpc_utils.providers import LOCAL
from sqlalchemy import String, Uuid, bindparam, delete, func, select

from service_users import adhesions, journal, personnes, rules
from service_users.models import ConflitIdentite, IdentifiantLocal, Identite, Utilisateur
from service_users.personnes import Personne
from service_users.settings import UsersSettings

T = TypeVar("T")
_RETRIES = 3
_BY_EMAIL = select(Utilisateur).where(
    func.lower(Utilisateur.email) == bindparam("email", type_=String, required=True)
)
_BY_SUBJECT = select(Identite).where(
    Identite.fournisseur == bindparam("fournisseur", type_=String, required=True),
    Identite.sujet == bindparam("sujet", type_=String, required=True),
)
_OF_PROVIDER = select(Identite.sujet).where(
    Identite.utilisateur_id == bindparam("utilisateur_id", type_=Uuid, required=True),
    Identite.fournisseur == bindparam("fournisseur", type_=String, required=True),
)
_FORGET_PASSWORD = delete(IdentifiantLocal).where(
    IdentifiantLocal.utilisateur_id == bindparam("utilisateur_id", type_=Uuid, required=True)
)


@dataclass(frozen=True, slots=True)
class Rapprochement:
    """Whose account a person was found to be.

    No account at all: his is deleted (*supprime*), or he may not have the one of his address
    (*conflit*). A conflict beside an account: his new address belongs to somebody else.
    """

    utilisateur: Utilisateur | None
    cree: bool = False
    conflit: bool = False
    supprime: bool = False

    def account(self) -> Utilisateur:
        """The account. Raises ConflitIdentite or CompteDesactive without one."""
        if self.utilisateur is not None:
            return self.utilisateur
        raise rules.ConflitIdentite if self.conflit else rules.CompteDesactive


async def insisting(work: Callable[[], Awaitable[T]]) -> T:
    """The result of the transaction *work*, run again when somebody else came in between (R8).

    Raises ConflitDEcriture after three more attempts.
    """
    for _ in range(_RETRIES + 1):
        try:
            return await work()
        except (Conflict, VersionConflict):
            continue
    raise ConflitDEcriture


async def by_email(reader: Reader, email: str) -> Utilisateur | None:
    """The living user with this address, in stored form."""
    return await reader.one(_BY_EMAIL, email=email)


async def by_subject(reader: Reader, fournisseur: str, sujet: str) -> Identite | None:
    """The identity of this subject, which may belong to a deleted user."""
    return await reader.one(_BY_SUBJECT, fournisseur=fournisseur, sujet=sujet)


async def forget(tx: Transaction, utilisateur: Utilisateur, source: str) -> None:
    """Delete *utilisateur*: his password goes, his memberships end, his identities stay (R5)."""
    await tx.execute(_FORGET_PASSWORD, utilisateur_id=utilisateur.id)
    await adhesions.retire_all(tx, utilisateur.id)
    await tx.update(utilisateur, actif=False, supprime_le=clock.now())
    await journal.note(tx, "suppression", utilisateur.id, source=source)


class Annuaire:
    """The accounts, as *settings* say whose word counts and what newcomers get."""

    def __init__(self, settings: UsersSettings) -> None:
        self._trusted = frozenset(settings.trusted_email_providers)
        self._applications = settings.default_apps

    async def upsert(self, tx: Transaction, personne: Personne) -> Rapprochement:
        """The account of *personne*: by subject, else by address, else a new one.

        A found account is locked until the transaction ends. Raises ChampRequis when a newcomer
        has no address.
        """
        identite = await by_subject(tx, personne.fournisseur, personne.sujet)
        if identite is not None:
            utilisateur = await tx.get(Utilisateur, identite.utilisateur_id, lock=True)
            if utilisateur is None:
                return Rapprochement(None, supprime=True)
            return await self._refreshed(tx, utilisateur, personne)
        if personne.fournisseur == LOCAL:  # a token of ours for an account that is not there any more
            return Rapprochement(None, supprime=True)
        known = await by_email(tx, required(personne.email, "email"))
        if known is None:
            return await self.create(tx, personne)
        return await self._attached(tx, known, personne)

    async def create(self, tx: Transaction, personne: Personne) -> Rapprochement:
        """A new account for *personne*, with the identity that tokens of ours name it by (R2)."""
        verified = personnes.vouched(personne, self._trusted)
        utilisateur = await tx.insert(personnes.new_utilisateur(personne, self._applications, verified))
        await _attach(tx, utilisateur, LOCAL, str(utilisateur.id))
        if personne.fournisseur != LOCAL:
            await _attach(tx, utilisateur, personne.fournisseur, personne.sujet)
        await journal.note(tx, "creation", utilisateur.id, source=personne.source)
        return Rapprochement(utilisateur, cree=True)

    async def _attached(self, tx: Transaction, known: Utilisateur, personne: Personne) -> Rapprochement:
        """The account of the person's address, if the source vouches for it (R8); else a conflict."""
        provider = personne.fournisseur
        sujet = await tx.one(_OF_PROVIDER, utilisateur_id=known.id, fournisseur=provider)
        if sujet == personne.sujet:
            raise VersionConflict(Identite.__tablename__)  # attached just now: look again
        if not personnes.vouched(personne, self._trusted):
            return await _refused(tx, known, personne, "EMAIL_NON_VERIFIE")
        if sujet is not None:
            return await _refused(tx, known, personne, "AUTRE_SUJET")
        utilisateur = await tx.get(Utilisateur, known.id, lock=True)
        if utilisateur is None:
            raise VersionConflict(Utilisateur.__tablename__)  # deleted just now: look again
        await _attach(tx, utilisateur, provider, personne.sujet)
        await journal.note(tx, "identite_liee", known.id, source=personne.source, fournisseur=provider)
        if not utilisateur.email_verifie:
            await tx.update(utilisateur, email_verifie=True)
        return Rapprochement(utilisateur)

    async def _refreshed(
        self, tx: Transaction, utilisateur: Utilisateur, personne: Personne
    ) -> Rapprochement:
        """What the provider tells now replaces what it told before; an address in use does not (R9)."""
        if personne.fournisseur == LOCAL:
            return Rapprochement(utilisateur)  # our own tokens repeat what they were given here
        changed = personnes.told_anew(utilisateur, personne)
        vouched = personnes.vouched(personne, self._trusted)
        owner = None
        if personne.email and personne.email != utilisateur.email:
            owner = await by_email(tx, personne.email)
            if owner is None:
                changed |= {"email": personne.email, "email_verifie": vouched}
        elif personne.email and vouched:
            changed["email_verifie"] = True
        await tx.update(utilisateur, **changed)
        if owner is not None:
            await _note_conflict(tx, owner, personne, "EMAIL_PRIS")
        return Rapprochement(utilisateur, conflit=owner is not None)


async def _attach(tx: Transaction, utilisateur: Utilisateur, fournisseur: str, sujet: str) -> None:
    await tx.insert(Identite(utilisateur_id=utilisateur.id, fournisseur=fournisseur, sujet=sujet))


async def _refused(tx: Transaction, owner: Utilisateur, personne: Personne, motif: str) -> Rapprochement:
    await _note_conflict(tx, owner, personne, motif)
    return Rapprochement(None, conflit=True)


async def _note_conflict(tx: Transaction, owner: Utilisateur, personne: Personne, motif: str) -> None:
    """Keep the conflict for people to resolve, once however often it comes again (R10)."""
    conflit = ConflitIdentite(
        fournisseur=personne.fournisseur,
        sujet=personne.sujet,
        email=personne.email,
        utilisateur_existant_id=owner.id,
        motif=motif,
    )
    if await tx.insert_if_absent(conflit):
        await journal.note(
            tx, "conflit", owner.id, source=personne.source, fournisseur=personne.fournisseur, motif=motif
        )
