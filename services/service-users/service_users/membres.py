"""MembreService: memberships of organisations. Their rules are kept in `adhesions.py`."""

from contextlib import nullcontext
from uuid import UUID

from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import MembreServiceServicer
from db_utils import Listing, Reader, Transaction, parse_uuid, unscoped
from grpc_utils import (
    Context,
    caller,
    expected_version,
    found,
    list_answer,
    opaque_id,
    page_of,
    required,
    to_message,
)
from grpc_utils.errors import OrganisationRequise
from service_kit import App

from service_users import adhesions, callers, choosing, rules
from service_users.messages import membre_message, membre_messages
from service_users.models import ACTIF, VIEWER, Membre, Utilisateur
from service_users.organisations import Organisations
from service_users.settings import UsersSettings

MEMBRES = Listing(Membre, sorts=("created_at",), filters=("utilisateur_id", "etat"))
_RPC = "rpc"


class MembreService(MembreServiceServicer):
    """Memberships of the caller's organisation; people also list their own, services anybody's."""

    def __init__(self, app: App[UsersSettings]) -> None:
        self._db, self._settings = app.database, app.settings
        self._organisations = Organisations(app.peers)

    async def List(self, request: pb.ListMembresRequest, context: Context) -> pb.ListMembresResponse:
        """List the members of an organisation, or the memberships of a person."""
        reader, utilisateur_id = self._db.read(), parse_uuid(request.utilisateur_id)
        everywhere = await self._sees_all(reader, request, utilisateur_id)
        if request.utilisateur_id and utilisateur_id is None:
            return pb.ListMembresResponse()
        with unscoped() if everywhere else nullcontext():
            page = await page_of(MEMBRES, reader, request, utilisateur_id=utilisateur_id)
            membres = await membre_messages(reader, page.rows)
        return list_answer(pb.ListMembresResponse, page, membres)

    async def Add(self, request: pb.AddMembreRequest, context: Context) -> pb.Membre:
        """Make a person a member of the organisation."""
        if not request.organisation_id:
            raise OrganisationRequise
        utilisateur_id = found(parse_uuid(required(request.utilisateur_id, "utilisateur_id")))
        etat = rules.initial_etat(request.etat or ACTIF)
        async with self._db.transaction() as tx:
            # Accounts are locked before organisations, as in every sign-in: no deadlock.
            known = await tx.get(Utilisateur, utilisateur_id, lock=True)
            await self._lock_acting(tx, request.organisation_id)
            utilisateur = found(known)  # only now: strangers do not learn which accounts exist
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
            me = await self._lock_acting(tx, seen.organisation_id)
            membre = found(await tx.get(Membre, membre_id, lock=True))
            changed = rules.membre_changes(membre, request)
            if me == membre.utilisateur_id:
                rules.check_own_membre(membre, changed)
            if changed.get("etat") == ACTIF and await tx.get(Utilisateur, membre.utilisateur_id) is None:
                raise rules.CompteDesactive
            await adhesions.change(tx, membre, source=_RPC, expected=expected_version(request), **changed)
            return await membre_message(tx, membre)

    async def Choisir(self, request: pb.ChoisirMembreRequest, context: Context) -> pb.ChoisirMembreResponse:
        """Choose the membership that a new token of a person is for, and remember a named one (R31)."""
        utilisateur_id = found(parse_uuid(required(request.utilisateur_id, "utilisateur_id")))
        organisation_id = opaque_id(request.organisation, "organisation") or ""
        with unscoped():
            answer = await self._choose(utilisateur_id, organisation_id)
            await self._organisations.name(answer.organisations)
        return answer

    async def _choose(self, utilisateur_id: UUID, organisation_id: str) -> pb.ChoisirMembreResponse:
        async with self._db.transaction() as tx:
            utilisateur = found(await tx.get(Utilisateur, utilisateur_id, lock=True))
            if not utilisateur.actif:
                raise rules.CompteDesactive
            active = await choosing.held(tx, utilisateur_id)
            membre = choosing.named(active, organisation_id)
            if organisation_id and (membre is None or not await choosing.remember(tx, membre)):
                raise rules.MembreInactif
            return pb.ChoisirMembreResponse(
                membre=await membre_message(tx, membre) if membre is not None else None,
                organisations=[to_message(one, pb.OrganisationDuProfil) for one in active],
            )

    async def _sees_all(
        self, reader: Reader, request: pb.ListMembresRequest, utilisateur_id: UUID | None
    ) -> bool:
        """Tell whether the caller lists all organisations: people their own, services anybody's memberships.

        Raises MembreInactif (R27).
        """
        identity = caller()
        if callers.is_internal(identity):
            return utilisateur_id is not None
        me = await callers.own_id(reader, identity, self._settings)
        if me is not None and me == utilisateur_id:
            return True
        if request.organisation_id:
            await callers.acting(reader, identity, self._settings, request.organisation_id)
        return False

    async def _lock_acting(self, tx: Transaction, organisation_id: str) -> UUID | None:
        """Lock the organisation, then check the caller; return a user's id. Raises MembreInactif (R27)."""
        await adhesions.lock(tx, organisation_id)
        return await callers.acting(tx, caller(), self._settings, organisation_id)
