"""MembreService: who belongs to which organisation. The rules of it are kept in `adhesions.py`."""

from contextlib import nullcontext

from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import MembreServiceServicer
from db_utils import Listing, parse_uuid
from grpc_utils import (
    Context,
    caller,
    expected_version,
    found,
    page_request,
    page_result,
    required,
)
from grpc_utils.errors import OrganisationRequise
from service_kit import App

from service_users import adhesions, appelants, rules
from service_users.messages import membre_message, membre_messages
from service_users.models import ACTIF, VIEWER, Membre, Utilisateur
from service_users.scope import unscoped
from service_users.settings import UsersSettings

MEMBRES = Listing(Membre, sorts=("created_at",), filters=("utilisateur_id", "etat"))
_RPC = "rpc"


class MembreService(MembreServiceServicer):
    """Memberships of the caller's organisation; one's own, and for services a person's, of all."""

    def __init__(self, app: App[UsersSettings]) -> None:
        self._db, self._settings = app.database, app.settings

    async def List(self, request: pb.ListMembresRequest, context: Context) -> pb.ListMembresResponse:
        """List the members of an organisation, or the memberships of a person."""
        identity, reader = caller(), self._db.read()
        utilisateur_id = parse_uuid(request.utilisateur_id)
        if request.utilisateur_id and utilisateur_id is None:
            return pb.ListMembresResponse()
        everywhere = utilisateur_id is not None and (
            appelants.is_internal(identity)
            or await appelants.own_id(reader, identity, self._settings) == utilisateur_id
        )
        if utilisateur_id is None and appelants.is_internal(identity):
            required(request.organisation_id, "organisation_id")
        with unscoped() if everywhere else nullcontext():
            page = await MEMBRES.page(
                reader, page_request(request.pagination), utilisateur_id=utilisateur_id, etat=request.etat
            )
            membres = await membre_messages(reader, page.rows)
        return pb.ListMembresResponse(membres=membres, pagination=page_result(page))

    async def Add(self, request: pb.AddMembreRequest, context: Context) -> pb.Membre:
        """Make a person a member of the organisation."""
        if not request.organisation_id:
            raise OrganisationRequise
        utilisateur_id = found(parse_uuid(required(request.utilisateur_id, "utilisateur_id")))
        etat = rules.initial_etat(request.etat or ACTIF)
        async with self._db.transaction() as tx:
            utilisateur = found(await tx.get(Utilisateur, utilisateur_id, lock=True))
            await adhesions.lock(tx, request.organisation_id)
            membre = adhesions.new_membre(
                request.organisation_id, utilisateur.id, request.role or VIEWER, etat
            )
            await tx.insert(membre)
            await tx.flush()
            await adhesions.note(tx, "membre_ajoute", membre, _RPC)
            return await membre_message(tx, membre)

    async def Update(self, request: pb.UpdateMembreRequest, context: Context) -> pb.Membre:
        """Change the role or the state of a membership (R16)."""
        membre_id = found(parse_uuid(request.id))
        async with self._db.transaction() as tx:
            seen = found(await tx.get(Membre, membre_id))
            await adhesions.lock(tx, seen.organisation_id)
            membre = found(await tx.get(Membre, membre_id, lock=True))
            changed = rules.membre_changes(membre, request)
            if changed.get("etat") == ACTIF and await tx.get(Utilisateur, membre.utilisateur_id) is None:
                raise rules.CompteDesactive
            await adhesions.change(tx, membre, source=_RPC, expected=expected_version(request), **changed)
            return await membre_message(tx, membre)
