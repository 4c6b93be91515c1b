"""CompteService: an organisation together with its first member (R17).

Two services must agree without a common transaction: the organisation is made first, under an id
chosen here, and deleted again when its owner cannot be made a member.
"""

from functools import partial

from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import CompteServiceServicer
from db_utils import Conflict, DatabaseError, VersionConflict, parse_uuid, retried, unscoped, uuid7
from grpc_utils import Context, Identity, caller, found, required
from grpc_utils.errors import Refusal, Unavailable
from service_kit import App

from service_users import adhesions, callers, rules
from service_users.directory import Directory
from service_users.messages import membre_message, utilisateur_message
from service_users.models import ADMIN, Utilisateur
from service_users.organisations import Organisations
from service_users.settings import UsersSettings

_SOURCE = "compte"


class CompteNonCree(Unavailable):
    """Le compte n'a pas pu être créé ; rien n'en reste, recommencez."""


class CompteService(CompteServiceServicer):
    """Organisations made by their first members."""

    def __init__(self, app: App[UsersSettings]) -> None:
        self._db, self._settings = app.database, app.settings
        self._directory, self._organisations = Directory(app.settings), Organisations(app.peers)

    async def CreateWithOwner(
        self, request: pb.CreateWithOwnerRequest, context: Context
    ) -> pb.CreateWithOwnerResponse:
        """Make an organisation with an administrator: the caller, or the user whom a service names."""
        required(request.nom, "nom")
        organisation_id = str(uuid7())
        with unscoped():
            find = partial(self._owner, caller(), request.utilisateur_id)
            owner = await retried(find, Conflict, VersionConflict)
            await self._organisations.create(organisation_id, request)
            try:
                return await self._join(organisation_id, owner)
            except (Refusal, DatabaseError) as error:
                await self._organisations.delete(organisation_id)
                raise CompteNonCree from error

    async def _owner(self, identity: Identity, utilisateur_id: str) -> Utilisateur:
        """Return the future owner of the organisation; a caller unknown here gets an account (R8)."""
        async with self._db.transaction() as tx:
            if callers.is_internal(identity):
                named = parse_uuid(required(utilisateur_id, "utilisateur_id"))
                return rules.active(found(await tx.get(Utilisateur, found(named))))
            personne = callers.personne_of(identity, self._settings, source=_SOURCE)
            made = await callers.account(tx, self._directory, personne, identity, self._settings)
            owner = made.account()
            if utilisateur_id and parse_uuid(utilisateur_id) != owner.id:
                raise rules.AutreUtilisateur
            return owner

    async def _join(self, organisation_id: str, owner: Utilisateur) -> pb.CreateWithOwnerResponse:
        async with self._db.transaction() as tx:
            utilisateur = rules.active(found(await tx.get(Utilisateur, owner.id, lock=True)))
            membre = await adhesions.join(tx, organisation_id, utilisateur, source=_SOURCE, role=ADMIN)
            return pb.CreateWithOwnerResponse(
                organisation_id=organisation_id,
                utilisateur=await utilisateur_message(tx, utilisateur),
                membre=await membre_message(tx, membre),
            )
