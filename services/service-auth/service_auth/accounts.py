"""Calls to the users service; a failure that is no expected refusal is unavailability (R7)."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import grpc
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import (
    CredentialServiceStub,
    MembreServiceStub,
    SyncServiceStub,
    UtilisateurServiceStub,
)
from grpc import StatusCode
from grpc_utils import Afterwards, Peers, instant, reason_of
from grpc_utils.errors import Refusal, Unavailable

from service_auth.id_tokens import Personne
from service_auth.refusals import (
    ConflitIdentite,
    IdentifiantsInvalides,
    MembreInactif,
    MotDePasseInvalide,
    UtilisateursIndisponibles,
)
from service_auth.tokens import Compte

_log = logging.getLogger(__name__)
T = TypeVar("T")
Refusals = Mapping[StatusCode | str, type[Refusal]]  # by status, or by reason where one has several

_BCRYPT = 3.0  # seconds that a call which computes a hash may take
_SOURCE, _GOOGLE = "auth", "google"
_NOBODY: Refusals = {
    StatusCode.INVALID_ARGUMENT: IdentifiantsInvalides,
    StatusCode.NOT_FOUND: IdentifiantsInvalides,
    StatusCode.FAILED_PRECONDITION: IdentifiantsInvalides,
    StatusCode.UNAUTHENTICATED: IdentifiantsInvalides,
}
_NO_NEWCOMER: Refusals = {**_NOBODY, StatusCode.ALREADY_EXISTS: ConflitIdentite}
_NO_MEMBER: Refusals = {**_NOBODY, StatusCode.PERMISSION_DENIED: MembreInactif}
_NO_PASSWORD: Refusals = {
    **_NOBODY,
    StatusCode.INVALID_ARGUMENT: MotDePasseInvalide,
    IdentifiantsInvalides.reason: IdentifiantsInvalides,
}
_NONE: Refusals = {}


@dataclass(frozen=True, slots=True)
class Arrivee:
    """Person whom a sign-in at Google signs in; *nouveau* when his account was made by it.

    *reprise_le* is the instant at which an account made beforehand with his unproved address was
    taken over: tokens issued before it are void (users R30).
    """

    utilisateur: pb.Utilisateur
    nouveau: bool = False
    reprise_le: datetime | None = None

    def not_before(self, now: datetime) -> datetime:
        """The later of *now* and the takeover, so that the new token survives its revocations (R19)."""
        return now if self.reprise_le is None else max(now, self.reprise_le)


class Accounts:
    """Client of the users service for sign-ins. Each method may also raise UtilisateursIndisponibles."""

    def __init__(self, peers: Peers) -> None:
        self._users = peers.stub(UtilisateurServiceStub)
        self._credentials = peers.stub(CredentialServiceStub)
        self._members = peers.stub(MembreServiceStub)
        self._sync = peers.stub(SyncServiceStub)
        self._afterwards = Afterwards()

    async def verified(self, email: str, password: str) -> pb.Utilisateur:
        """The active user with this email and password. Raises IdentifiantsInvalides."""
        request = pb.VerifyPasswordRequest(email=email, mot_de_passe=password)
        return _active(await _asked(self._credentials.VerifyPassword, request, _NOBODY, timeout=_BCRYPT))

    async def known(self, utilisateur_id: str) -> pb.Utilisateur:
        """The active user of this id. Raises IdentifiantsInvalides."""
        return _active(await _asked(self._users.Get, pb.GetUtilisateurRequest(id=utilisateur_id), _NOBODY))

    async def of_google(self, personne: Personne) -> Arrivee:
        """The account of a person whom Google vouches for, made if he has none (R19).

        An account with the same address gets the Google identity; while that address is unproved, the
        account is taken over. Raises ConflitIdentite, and IdentifiantsInvalides when the account is
        disabled or deleted.
        """
        named = pb.GetUtilisateurByIdentityRequest(fournisseur=_GOOGLE, sujet=personne.sujet)
        try:
            known = await _asked(self._users.GetByIdentity, named, {StatusCode.NOT_FOUND: _Nobody})
            return Arrivee(_active(known))
        except _Nobody:
            made = await _asked(self._users.Create, _newcomer(personne), _NO_NEWCOMER)
        reprise_le = instant(made.reprise_le) if made.HasField("reprise_le") else None
        return Arrivee(_active(made.utilisateur), made.cree, reprise_le)

    async def change_password(self, utilisateur_id: str, ancien: str, nouveau: str) -> None:
        """Set the password *nouveau*; users checks *ancien* unless it is empty.

        Raises MotDePasseInvalide, IdentifiantsInvalides.
        """
        request = pb.SetPasswordRequest(utilisateur_id=utilisateur_id, ancien=ancien, nouveau=nouveau)
        await _asked(self._credentials.SetPassword, request, _NO_PASSWORD, timeout=_BCRYPT)

    async def compte(self, person: pb.Utilisateur, organisation: str = "", *, former: str = "") -> Compte:
        """The account of *person* in *organisation*, which users remembers as the last one chosen (R23).

        Without *organisation*: in *former* while he is an active member of it, else in the last one he
        chose, else in the oldest. Raises MembreInactif, IdentifiantsInvalides.
        """
        request = pb.ChoisirMembreRequest(utilisateur_id=person.id, organisation=organisation)
        choice = await _asked(self._members.Choisir, request, _NO_MEMBER)
        return Compte.chosen(person, choice, "" if organisation else former)

    def announce(self, compte: Compte) -> None:
        """Tell users of the sign-in in the background; a failure is only logged (C14)."""
        request = pb.RecordLoginRequest(
            utilisateur_id=compte.utilisateur.id, source=_SOURCE, organisation=compte.organisation_id
        )
        self._afterwards.start(
            "the announcement of a sign-in", lambda: _asked(self._sync.RecordLogin, request, _NOBODY)
        )


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
    try:
        return await method(request, timeout=timeout)
    except Unavailable as error:
        raise UtilisateursIndisponibles from error
    except grpc.aio.AioRpcError as error:
        refusal = refusals.get(reason_of(error)) or refusals.get(error.code())
        if refusal is None:
            _log.error("users has refused unexpectedly: %s", error.code().name)
            raise UtilisateursIndisponibles from error
        raise refusal from error


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
