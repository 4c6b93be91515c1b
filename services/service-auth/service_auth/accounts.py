"""What this service asks of users, in its own words: every other failure is unavailability (R7).

Calls here name no organisation: a sign-in concerns all of a person's memberships.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import grpc
from crm.common.common_pb2 import Pagination
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import (
    CredentialServiceStub,
    MembreServiceStub,
    SyncServiceStub,
    UtilisateurServiceStub,
)
from db_utils import context
from grpc import StatusCode
from grpc_utils import Peers, deadline
from grpc_utils.errors import Refusal, Unavailable

from service_auth.id_tokens import Personne
from service_auth.refusals import (
    ConflitIdentite,
    IdentifiantsInvalides,
    MotDePasseInvalide,
    UtilisateursIndisponibles,
)
from service_auth.tokens import Compte

_log = logging.getLogger(__name__)
T = TypeVar("T")
Refusals = Mapping[StatusCode, type[Refusal]]

_BCRYPT = 3.0  # seconds that a call which computes a hash may take
_SOURCE, _GOOGLE = "auth", "google"
_NOBODY: Refusals = {
    StatusCode.INVALID_ARGUMENT: IdentifiantsInvalides,
    StatusCode.NOT_FOUND: IdentifiantsInvalides,
    StatusCode.FAILED_PRECONDITION: IdentifiantsInvalides,
    StatusCode.UNAUTHENTICATED: IdentifiantsInvalides,
}
_NO_NEWCOMER: Refusals = {**_NOBODY, StatusCode.ALREADY_EXISTS: ConflitIdentite}
_NO_PASSWORD: Refusals = {**_NOBODY, StatusCode.INVALID_ARGUMENT: MotDePasseInvalide}
_NONE: Refusals = {}


class Accounts:
    """The users service, as sign-ins need it. Each method raises UtilisateursIndisponibles too."""

    def __init__(self, peers: Peers) -> None:
        self._users = peers.stub(UtilisateurServiceStub)
        self._credentials = peers.stub(CredentialServiceStub)
        self._members = peers.stub(MembreServiceStub)
        self._sync = peers.stub(SyncServiceStub)
        self._announcing: set[asyncio.Task[None]] = set()

    async def verified(self, email: str, password: str) -> pb.Utilisateur:
        """The active user with this email and password. Raises IdentifiantsInvalides."""
        request = pb.VerifyPasswordRequest(email=email, mot_de_passe=password)
        return _active(await _asked(self._credentials.VerifyPassword, request, _NOBODY, timeout=_BCRYPT))

    async def known(self, utilisateur_id: str) -> pb.Utilisateur:
        """The active user of this id. Raises IdentifiantsInvalides."""
        return _active(await _asked(self._users.Get, pb.GetUtilisateurRequest(id=utilisateur_id), _NOBODY))

    async def of_google(self, personne: Personne) -> tuple[pb.Utilisateur, bool]:
        """The account of a person whom Google vouches for, and whether it was made just now (R19).

        An account of the same address gets the Google identity. Raises ConflitIdentite, and
        IdentifiantsInvalides when it is disabled or deleted.
        """
        named = pb.GetUtilisateurByIdentityRequest(fournisseur=_GOOGLE, sujet=personne.sujet)
        try:
            return _active(
                await _asked(self._users.GetByIdentity, named, {StatusCode.NOT_FOUND: _Nobody})
            ), False
        except _Nobody:
            made = await _asked(self._users.Create, _newcomer(personne), _NO_NEWCOMER)
        return _active(made.utilisateur), made.cree

    async def change_password(self, utilisateur_id: str, password: str) -> None:
        """Give the user a new password. Raises MotDePasseInvalide, IdentifiantsInvalides."""
        request = pb.SetPasswordRequest(utilisateur_id=utilisateur_id, nouveau=password)
        await _asked(self._credentials.SetPassword, request, _NO_PASSWORD, timeout=_BCRYPT)

    async def compte(self, person: pb.Utilisateur) -> Compte:
        """*person* with the organisation of the oldest active membership."""
        oldest = Pagination(page_size=1, sort_by="created_at", sort_order="asc")
        request = pb.ListMembresRequest(utilisateur_id=person.id, etat="actif", pagination=oldest)
        for membre in (await _asked(self._members.List, request)).membres:
            return Compte(person, membre.organisation_id, membre.role)
        return Compte(person)

    def announce(self, utilisateur_id: str) -> None:
        """Tell users of the sign-in, after the answer; a failure is only logged (C14)."""
        task = asyncio.create_task(self._announce(utilisateur_id))
        self._announcing.add(task)
        task.add_done_callback(self._announcing.discard)

    async def _announce(self, utilisateur_id: str) -> None:
        deadline.start(None)  # nobody waits any more
        request = pb.RecordLoginRequest(utilisateur_id=utilisateur_id, source=_SOURCE)
        try:
            await _asked(self._sync.RecordLogin, request)
        except Unavailable as error:
            _log.warning("a sign-in was not announced: %s", type(error.__cause__).__name__)


class _Nobody(Refusal):
    """Nobody has this identity."""

    code = StatusCode.NOT_FOUND


async def _asked(
    method: Callable[..., Awaitable[T]],
    request: object,
    refusals: Refusals = _NONE,
    *,
    timeout: float | None = None,
) -> T:
    """The answer of users to *request*, or the refusal that its status stands for."""
    token = context.scope.set(context.EVERYTHING)
    try:
        return await method(request, timeout=timeout)
    except Unavailable as error:
        raise UtilisateursIndisponibles from error
    except grpc.aio.AioRpcError as error:
        refusal = refusals.get(error.code())
        if refusal is None:
            _log.error("users has refused unexpectedly: %s", error.code().name)
            raise UtilisateursIndisponibles from error
        raise refusal from error
    finally:
        context.scope.reset(token)


def _active(person: pb.Utilisateur) -> pb.Utilisateur:
    if not person.actif:
        raise IdentifiantsInvalides
    return person


def _newcomer(personne: Personne) -> pb.CreateUtilisateurRequest:
    return pb.CreateUtilisateurRequest(
        email=personne.email,
        prenom=personne.prenom,
        nom=personne.nom,
        photo_url=personne.photo_url,
        fournisseur=_GOOGLE,
        sujet=personne.sujet,
        email_verifie=True,
        generer_mot_de_passe=True,
        source=_GOOGLE,
    )
