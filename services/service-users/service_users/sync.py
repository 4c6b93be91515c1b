"""SyncService: what services and providers tell of people, and the sign-ins that follow from it.

`directory.py` finds the person, `sign_ins.py` counts and announces the sign-in.
"""

import logging
from functools import partial
from typing import Any

from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import SyncServiceServicer
from db_utils import Conflict, Database, Transaction, VersionConflict, clock, parse_uuid, retried, unscoped
from grpc_utils import Context, Identity, caller, found, opaque_id, required, to_message
from grpc_utils.errors import ValeurInconnue
from grpc_utils.providers import KINDE
from service_kit import App
from sqlalchemy import String, bindparam, select

from service_users import adhesions, callers, choosing, journal, personnes, rules, sign_ins
from service_users.directory import Directory, MatchedAccount
from service_users.inbox import inbox_of
from service_users.messages import utilisateur_message
from service_users.models import ACTIF, Identite, Membre, OrganisationAAssurer, Utilisateur
from service_users.notifications import notification
from service_users.organisations import Ensured, Organisations
from service_users.personnes import Personne
from service_users.settings import UsersSettings
from service_users.signatures import Signatures

_log = logging.getLogger(__name__)

_PROFIL = "profil"
_MEMBER = (
    select(Membre.id)
    .join(Identite, Identite.utilisateur_id == Membre.utilisateur_id)
    .where(
        Identite.fournisseur == bindparam("fournisseur", type_=String),
        Identite.sujet == bindparam("sujet", type_=String),
        Membre.organisation_id == bindparam("organisation_id", type_=String),
    )
)


class SyncService(SyncServiceServicer):
    """Sign-ins of people, told by services, by auth and by the people themselves."""

    def __init__(self, app: App[UsersSettings]) -> None:
        self._db: Database = app.database
        self._settings, self._directory = app.settings, Directory(app.settings)
        self._organisations = Organisations(app.peers)
        self._signatures, self._inbox = Signatures(app.settings), inbox_of(app)

    async def SyncUser(self, request: pb.SyncUserRequest, context: Context) -> pb.SyncUserResponse:
        """Create or update the person whom a service has seen, and announce the sign-in."""
        personne = personnes.seen_personne(request)
        metadata = rules.kept_metadata(request.metadata)
        organisation_id = opaque_id(request.company_id, "company_id") or ""
        with unscoped():
            ensured = await self._ensured(personne, organisation_id)
            if ensured is Ensured.GONE:
                organisation_id = ""  # nobody joins a deleted organisation (R11)
            late = ensured is Ensured.LATER
            work = partial(self._sync, personne, organisation_id, metadata, late=late)
            made, answer = await retried(work, Conflict, VersionConflict)
            made.account()
            self._organisations.touch(answer.organisation_id, clock.now())
        return answer

    async def SyncProfile(self, request: pb.SyncProfileRequest, context: Context) -> pb.SyncProfileResponse:
        """Create or refresh the person of the caller's own token."""
        work = partial(self._profile, caller(), rules.profile_changes(request))
        with unscoped():
            made, answer = await retried(work, Conflict, VersionConflict)
            made.account()
            names = await self._organisations.names(one.organisation_id for one in answer.organisations)
        for one in answer.organisations:
            one.nom = names.get(one.organisation_id, "")
        return answer

    async def RecordLogin(self, request: pb.RecordLoginRequest, context: Context) -> pb.RecordLoginResponse:
        """Count a sign-in that auth has verified, and announce it."""
        utilisateur_id = found(parse_uuid(required(request.utilisateur_id, "utilisateur_id")))
        source = rules.short_source(request.source, "source")
        organisation_id = opaque_id(request.organisation, "organisation") or ""
        with unscoped():
            async with self._db.transaction() as tx:
                utilisateur = rules.active(found(await tx.get(Utilisateur, utilisateur_id, lock=True)))
                sign_in = await sign_ins.sign_in(
                    tx,
                    utilisateur,
                    choosing.named(await choosing.active(tx, utilisateur.id), organisation_id),
                    sujet=str(utilisateur.id),
                    source=source,
                    metadata={"source": source},
                )
                event_id = await sign_ins.announce(tx, sign_in)
                message = await utilisateur_message(tx, sign_in.utilisateur)
            self._organisations.touch(sign_in.organisation_id, clock.now())
        return pb.RecordLoginResponse(
            utilisateur=message, premiere_connexion=sign_in.premiere, event_id=event_id
        )

    async def HandleProviderWebhook(
        self, request: pb.HandleProviderWebhookRequest, context: Context
    ) -> pb.HandleProviderWebhookResponse:
        """Take in a notification of an identity provider, once."""
        if required(request.fournisseur, "fournisseur") != KINDE:
            raise ValeurInconnue(champ="fournisseur")
        headers = dict(request.entetes)
        content, signed_at = await self._signatures.verified(request.corps, request.content_type, headers)
        heard = notification(content, request.corps, headers, signed_at)
        with unscoped():
            resultat = await self._inbox.receive(heard)
        _log.info("webhook %s, %s: %s", heard.cle, heard.type, resultat)
        return pb.HandleProviderWebhookResponse(resultat=resultat, event_id=heard.cle, type=heard.type)

    async def _ensured(self, personne: Personne, organisation_id: str) -> Ensured:
        """Ensure that the organisation of a newcomer exists; a member's already does."""
        if not organisation_id:
            return Ensured.DONE
        who = {"fournisseur": personne.fournisseur, "sujet": personne.sujet}
        if await self._db.read().one(_MEMBER, organisation_id=organisation_id, **who) is not None:
            return Ensured.DONE
        return await self._organisations.ensure(organisation_id, personne.type_utilisateur)

    async def _sync(
        self, personne: Personne, organisation_id: str, metadata: dict[str, str | bool], *, late: bool
    ) -> tuple[MatchedAccount, pb.SyncUserResponse]:
        async with self._db.transaction() as tx:
            made = await self._directory.upsert(tx, personne)
            if made.utilisateur is None:
                return made, pb.SyncUserResponse()  # not raised here: the conflict must be committed
            utilisateur = rules.active(made.utilisateur)
            membre = await _membre(tx, organisation_id, made, personne.source)
            if late:
                await _note_late(tx, organisation_id, utilisateur)
            sign_in = await sign_ins.sign_in(
                tx, utilisateur, membre, sujet=personne.sujet, source=personne.source, metadata=metadata
            )
            event_id = await sign_ins.announced_lately(tx, sign_in)
            return made, pb.SyncUserResponse(
                utilisateur=await utilisateur_message(tx, sign_in.utilisateur),
                cree=made.cree,
                premiere_connexion=sign_in.premiere,
                organisation_id=sign_in.organisation_id,
                role=sign_in.role,
                event_id=event_id or await sign_ins.announce(tx, sign_in),
            )

    async def _profile(
        self, identity: Identity, changes: dict[str, Any]
    ) -> tuple[MatchedAccount, pb.SyncProfileResponse]:
        personne = callers.personne_of(identity, self._settings, source=_PROFIL)
        async with self._db.transaction() as tx:
            made = await self._directory.upsert(tx, personne)
            if made.utilisateur is None:
                if made.supprime:
                    raise callers.CompteDesactive
                return made, pb.SyncProfileResponse()
            callers.check_open(identity, made.utilisateur, self._settings)
            utilisateur = await tx.update(made.utilisateur, **changes)
            if sign_ins.counts_again(utilisateur.derniere_connexion):
                utilisateur = await sign_ins.count(tx, utilisateur)
            membres = await adhesions.of(tx, utilisateur.id)
            return made, pb.SyncProfileResponse(
                utilisateur=await utilisateur_message(tx, utilisateur, me=utilisateur.id),
                organisations=[to_message(one, pb.OrganisationDuProfil) for one in membres],
                has_organisation=any(one.etat == ACTIF for one in membres),
                cree=made.cree,
            )


async def _membre(tx: Transaction, organisation_id: str, made: MatchedAccount, source: str) -> Membre | None:
    """Return the active membership signed in to: in the organisation told, else the usual one (R31)."""
    utilisateur = made.account()
    if not organisation_id:
        return choosing.named(await choosing.active(tx, utilisateur.id), "")
    anew = made.reprise_le is not None
    membre = await adhesions.join(tx, organisation_id, utilisateur, source=source, anew=anew)
    return membre if membre.etat == ACTIF else None


async def _note_late(tx: Transaction, organisation_id: str, utilisateur: Utilisateur) -> None:
    """Keep the organisation for the job that makes it known, since its service does not answer (R11)."""
    await journal.note(tx, "sync", utilisateur.id, organisation_id=organisation_id)
    later = OrganisationAAssurer(
        organisation_id=organisation_id, type_utilisateur=utilisateur.type_utilisateur
    )
    await tx.insert(later, if_absent=True)
