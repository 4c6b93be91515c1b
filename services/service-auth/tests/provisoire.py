"""users and email as they will be: what their contracts have and this branch's code has not yet.

Real servers; only the methods below are doubled, for the tests of auth and of the gateway. Goes when
both are merged.
"""

from contextlib import suppress
from contextvars import ContextVar
from dataclasses import replace
from uuid import UUID

from crm.auth import auth_pb2
from crm.auth.auth_pb2_grpc import TokenServiceStub
from crm.email import email_pb2
from crm.users import users_pb2 as pb
from db_utils import Reader, clock
from grpc_utils import Context, found, timestamp
from grpc_utils.errors import Introuvable, PermissionDenied
from service_email.emails import EmailService
from service_email.service import SERVICE as _EMAIL
from service_users import adhesions
from service_users.membres import MembreService
from service_users.models import ACTIF, Membre, Utilisateur
from service_users.scope import unscoped
from service_users.service import SERVICE as _USERS
from service_users.sync import SyncService
from service_users.utilisateurs import UtilisateurService

_last: dict[str, str] = {}  # the organisation that each user has chosen last


class MembreInactif(PermissionDenied):
    """Vous n'êtes pas un membre actif de cette organisation."""


class Membres(MembreService):
    """Choisir as users R31 has it."""

    async def Choisir(self, request: pb.ChoisirMembreRequest, context: Context) -> pb.ChoisirMembreResponse:
        """The membership that a token is for."""
        with unscoped():
            reader = self._db.read()
            found(await reader.get(Utilisateur, UUID(request.utilisateur_id)))
            active = [
                one for one in await adhesions.of(reader, UUID(request.utilisateur_id)) if one.etat == ACTIF
            ]
        membre = chosen(active, request)
        return pb.ChoisirMembreResponse(
            membre=pb.Membre(organisation_id=membre.organisation_id, role=membre.role) if membre else None,
            organisations=[
                pb.OrganisationDuProfil(organisation_id=one.organisation_id, role=one.role, etat=one.etat)
                for one in active
            ],
        )


def chosen(active: list[Membre], request: pb.ChoisirMembreRequest) -> Membre | None:
    """The one asked for, the last one, the oldest."""
    by_name = {one.organisation_id: one for one in active}
    if request.organisation:
        if request.organisation not in by_name:
            raise MembreInactif
        _last[request.utilisateur_id] = request.organisation
        return by_name[request.organisation]
    return by_name.get(_last.get(request.utilisateur_id, ""), active[0] if active else None)


class Sync(SyncService):
    """RecordLogin as users R31 has it."""

    async def RecordLogin(self, request: pb.RecordLoginRequest, context: Context) -> pb.RecordLoginResponse:
        """Announce a sign-in to the organisation that is named."""
        _named.set(request.organisation)
        return await super().RecordLogin(request, context)


async def _announced(reader: Reader, utilisateur_id: UUID) -> Membre | None:
    if organisation := _named.get():
        return await adhesions.membership(reader, organisation, utilisateur_id)
    return await _first_active(reader, utilisateur_id)


_named: ContextVar[str] = ContextVar("named", default="")
_first_active = adhesions.first_active
adhesions.first_active = _announced


class Utilisateurs(UtilisateurService):
    """Create as users R30 has it, as far as auth hears of it; ConfirmEmail is not asked for here."""

    def __init__(self, app: object) -> None:
        super().__init__(app)  # type: ignore[arg-type]
        self._tokens = app.peers.stub(TokenServiceStub)  # type: ignore[attr-defined]

    async def Create(
        self, request: pb.CreateUtilisateurRequest, context: Context
    ) -> pb.CreateUtilisateurResponse:
        """Create a user, or claim the account of an address that nobody has proved."""
        by_email = pb.GetUtilisateurByEmailRequest(email=request.email)
        claimed = False
        if request.fournisseur:
            with suppress(Introuvable):
                known = await self.GetByEmail(by_email, context)
                claimed = known.actif and not known.email_verifie
        answer = await super().Create(request, context)
        if claimed:
            at = timestamp(clock.now())
            answer.reprise_le.CopyFrom(at)
            await self._tokens.RevokeUser(
                auth_pb2.RevokeUserRequest(utilisateur_id=answer.utilisateur.id, avant=at, motif="reprise")
            )
        return answer

    async def ConfirmEmail(self, request: pb.ConfirmEmailRequest, context: Context) -> pb.Utilisateur:
        """Nobody has a pending address here."""
        return found(None)


class Emails(EmailService):
    """SendAccountMail is not asked for here."""

    async def SendAccountMail(
        self, request: email_pb2.SendAccountMailRequest, context: Context
    ) -> email_pb2.Message:
        """Nobody is written to here."""
        return found(None)


_DOUBLES: dict[object, type[object]] = {
    MembreService: Membres,
    SyncService: Sync,
    UtilisateurService: Utilisateurs,
    EmailService: Emails,
}
USERS = replace(_USERS, servicers=tuple(_DOUBLES.get(kind) or kind for kind in _USERS.servicers))
EMAIL = replace(_EMAIL, servicers=tuple(_DOUBLES.get(kind) or kind for kind in _EMAIL.servicers))
