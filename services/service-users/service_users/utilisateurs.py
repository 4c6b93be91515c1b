"""UtilisateurService: accounts. `directory.py` decides who they are to outside providers."""

from functools import partial
from typing import Any
from uuid import UUID

from crm.common.common_pb2 import DeleteResponse
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import UtilisateurServiceServicer
from db_utils import Conflict, Listing, Reader, Transaction, VersionConflict, parse_uuid, retried, unscoped
from grpc_utils import (
    Context,
    Identity,
    caller,
    email_address,
    expected_version,
    found,
    list_answer,
    page_of,
    required,
    timestamp,
)
from grpc_utils.errors import ExisteDeja
from service_kit import App
from sqlalchemy import BindParameter, ColumnElement, Uuid, and_, bindparam, exists, select
from sqlalchemy.orm import aliased

from service_users import (
    adhesions,
    adresses,
    callers,
    directory,
    identifiants,
    journal,
    lookups,
    personnes,
    rules,
)
from service_users.adresses import Adresses
from service_users.directory import Directory, MatchedAccount
from service_users.messages import utilisateur_message, utilisateur_messages
from service_users.models import ACTIF, EMAIL_TAKEN, Membre, Utilisateur
from service_users.passwords import Hashed, Passwords
from service_users.personnes import Personne
from service_users.settings import UsersSettings

_NOBODY = UUID(int=0)  # an id that no account has: callers unknown here see no colleague
_Mien = aliased(Membre)
_SHARED = (
    select(Membre.organisation_id)
    .join(_Mien, _Mien.organisation_id == Membre.organisation_id)
    .where(
        Membre.utilisateur_id == bindparam("theirs", type_=Uuid),
        Membre.etat == ACTIF,
        _Mien.utilisateur_id == bindparam("mine", type_=Uuid),
        _Mien.etat == ACTIF,
    )
    .limit(1)
)


def _member_of(organisation_id: BindParameter[object]) -> ColumnElement[bool]:
    return exists().where(
        Membre.utilisateur_id == Utilisateur.id,
        Membre.etat == ACTIF,
        Membre.organisation_id == organisation_id,
    )


def _colleague_of(me: BindParameter[object]) -> ColumnElement[bool]:
    """Condition that both are active members of the organisation of the call, which the kernel adds (R4)."""
    theirs = exists().where(Membre.utilisateur_id == Utilisateur.id, Membre.etat == ACTIF)
    mine = exists().where(_Mien.utilisateur_id == me, _Mien.etat == ACTIF)
    return and_(theirs, mine)


UTILISATEURS = Listing(
    Utilisateur,
    sorts=("nom", "prenom", "email", "derniere_connexion"),
    filters={"organisation_id": _member_of, "colleague_of": _colleague_of, "actif": None},
    search=Utilisateur.recherche_cle,
)


class UtilisateurService(UtilisateurServiceServicer):
    """Accounts: people see themselves and their colleagues, services see everybody."""

    def __init__(self, app: App[UsersSettings]) -> None:
        self._db, self._settings = app.database, app.settings
        self._directory, self._passwords = Directory(app.settings), Passwords(app.settings.bcrypt_cost)
        self._adresses = Adresses(app.settings)

    async def Create(
        self, request: pb.CreateUtilisateurRequest, context: Context
    ) -> pb.CreateUtilisateurResponse:
        """Make an account; a provider's person gets the one that he has already, if any (R8)."""
        personne = personnes.requested_personne(request)
        password = await self._password(request, personne.email)
        with unscoped():
            create = partial(self._create, personne, password, request.organisation_id)
            made = await (retried(create, Conflict, VersionConflict) if personne.sujet else create())
            message = await utilisateur_message(self._db.read(), made.account())
        reprise_le = timestamp(made.reprise_le) if made.reprise_le is not None else None
        return pb.CreateUtilisateurResponse(utilisateur=message, cree=made.cree, reprise_le=reprise_le)

    async def Get(self, request: pb.GetUtilisateurRequest, context: Context) -> pb.Utilisateur:
        """Read a user: oneself, or somebody of one's organisation (R4)."""
        reader, identity = self._db.read(), caller()
        utilisateur = found(await reader.get(Utilisateur, request.id))
        me = await callers.own_id(reader, identity, self._settings)
        if not callers.is_internal(identity) and not await _may_see(reader, me, utilisateur):
            found(None)
        return await utilisateur_message(reader, utilisateur, me=me)

    async def GetByEmail(self, request: pb.GetUtilisateurByEmailRequest, context: Context) -> pb.Utilisateur:
        """Find the living user with an address."""
        email = email_address(required(request.email, "email"), "email") or ""
        reader = self._db.read()
        return await utilisateur_message(reader, found(await lookups.by_email(reader, email)))

    async def GetByIdentity(
        self, request: pb.GetUtilisateurByIdentityRequest, context: Context
    ) -> pb.Utilisateur:
        """Find the living user whom a provider names by a subject (R2)."""
        fournisseur = personnes.known_provider(required(request.fournisseur, "fournisseur"))
        reader = self._db.read()
        identite = found(
            await lookups.by_subject(reader, fournisseur, personnes.subject(request.sujet, "sujet"))
        )
        utilisateur = found(await reader.get(Utilisateur, identite.utilisateur_id))
        return await utilisateur_message(reader, utilisateur)

    async def List(
        self, request: pb.ListUtilisateursRequest, context: Context
    ) -> pb.ListUtilisateursResponse:
        """List the people of the caller's organisation; services list those of any or of all."""
        reader, identity = self._db.read(), caller()
        colleague = None
        if not callers.is_internal(identity):
            colleague = await callers.own_id(reader, identity, self._settings) or _NOBODY
        page = await page_of(UTILISATEURS, reader, request, colleague_of=colleague)
        people = await utilisateur_messages(reader, page.rows)
        return list_answer(pb.ListUtilisateursResponse, page, people)

    async def Update(self, request: pb.UpdateUtilisateurRequest, context: Context) -> pb.Utilisateur:
        """Change the fields that the request carries; people change themselves only (R4)."""
        identity, utilisateur_id = caller(), found(parse_uuid(request.id))
        await callers.check_own(self._db.read(), identity, self._settings, utilisateur_id)
        async with self._db.transaction() as tx:
            utilisateur = found(await tx.get(Utilisateur, utilisateur_id, lock=True))
            callers.check_open(identity, utilisateur, self._settings)
            changed = rules.utilisateur_changes(request, internal=callers.is_internal(identity))
            changed = await self._followed(tx, utilisateur, changed)
            version = utilisateur.version
            await tx.update(utilisateur, expected=expected_version(request), **changed)
            if utilisateur.version != version:
                await journal.note(tx, "changement", utilisateur.id, champs=sorted(changed))
            return await utilisateur_message(tx, utilisateur, me=utilisateur_id)

    async def ConfirmEmail(self, request: pb.ConfirmEmailRequest, context: Context) -> pb.Utilisateur:
        """Give the caller the address whose link he has received (R29)."""
        identity, jeton_hash = caller(), adresses.hashed(required(request.jeton, "jeton"))
        if callers.is_internal(identity):
            raise rules.UtilisateurRequis
        me = found(await callers.named_id(self._db.read(), identity, self._settings))
        confirm = partial(self._confirm, identity, me, jeton_hash)
        confirmed = await retried(confirm, Conflict, VersionConflict)
        if confirmed is None:
            raise ExisteDeja(contrainte=EMAIL_TAKEN)
        return confirmed

    async def Delete(self, request: pb.DeleteUtilisateurRequest, context: Context) -> DeleteResponse:
        """Hide an account for good; its address is free again (R5)."""
        utilisateur_id = parse_uuid(request.id)
        if utilisateur_id is None:
            return DeleteResponse(success=False)
        identity = caller()
        await callers.check_own(self._db.read(), identity, self._settings, utilisateur_id)
        with unscoped():
            async with self._db.transaction() as tx:
                utilisateur = await tx.get(Utilisateur, utilisateur_id, lock=True)
                if utilisateur is not None:
                    callers.check_open(identity, utilisateur, self._settings)
                    await directory.forget(tx, utilisateur, source="rpc")
        return DeleteResponse(success=utilisateur is not None)

    async def _password(self, request: pb.CreateUtilisateurRequest, email: str) -> Hashed | None:
        """Hash the password of a Create, before the transaction begins: bcrypt takes long."""
        if request.generer_mot_de_passe:
            return await self._passwords.random()
        if request.mot_de_passe:
            return await self._passwords.hash(rules.check_password(request.mot_de_passe, email))
        return None

    async def _create(
        self, personne: Personne, password: Hashed | None, organisation_id: str
    ) -> MatchedAccount:
        async with self._db.transaction() as tx:
            upsert = self._directory.upsert if personne.sujet else self._directory.create
            made = await upsert(tx, personne)
            taken_over = made.reprise_le is not None
            if made.utilisateur is not None and password is not None and (made.cree or taken_over):
                await identifiants.store(tx, made.utilisateur.id, password)
            if made.utilisateur is not None and organisation_id:
                source = personne.source
                await adhesions.join(tx, organisation_id, made.utilisateur, source=source, anew=taken_over)
        return made

    async def _followed(
        self, tx: Transaction, utilisateur: Utilisateur, changed: dict[str, Any]
    ) -> dict[str, Any]:
        """Return *changed* as it takes effect: addresses wait (R29), a closure ends tokens (R28)."""
        if "email" in changed:
            changed |= await self._adresses.asked(tx, utilisateur, changed.pop("email"))
        if changed.get("actif") is False:
            changed |= await directory.suspend(tx, utilisateur)
        return changed

    async def _confirm(self, identity: Identity, me: UUID, jeton_hash: bytes) -> pb.Utilisateur | None:
        """Confirm in one transaction; None when the address is another account's by now."""
        async with self._db.transaction() as tx:
            utilisateur = found(await tx.get(Utilisateur, me, lock=True))
            callers.check_open(identity, utilisateur, self._settings)
            if not await self._adresses.confirm(tx, utilisateur, jeton_hash):
                return None
            return await utilisateur_message(tx, utilisateur, me=me)


async def _may_see(reader: Reader, me: UUID | None, utilisateur: Utilisateur) -> bool:
    """Tell whether the user *me* sees *utilisateur*: himself, or a colleague (R4)."""
    if me is None or me == utilisateur.id:
        return me is not None
    return await reader.one(_SHARED, mine=me, theirs=utilisateur.id) is not None
