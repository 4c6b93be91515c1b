"""Commands to other services (C22): tokens to end, mails to send, accounts to disconnect (R28 to R30).

Each is written with the change that causes it and sent right after the commit.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import grpc
from crm.auth.auth_pb2 import RevokeUserRequest
from crm.auth.auth_pb2_grpc import TokenServiceStub
from crm.email.email_pb2 import SendAccountMailRequest
from crm.email.email_pb2_grpc import EmailServiceStub
from crm.integrations.integrations_pb2 import DisconnectRequest, Integration, ListIntegrationsRequest
from crm.integrations.integrations_pb2_grpc import IntegrationServiceStub
from db_utils import Envelope, Transaction, uuid7
from grpc_utils import Peers, reason_of, timestamp
from grpc_utils.errors import DateInvalide
from service_kit.outgoing import Command, queue

from service_users import personnes
from service_users.models import Utilisateur

ADHESION, DESACTIVATION, SUPPRESSION, REPRISE = "adhesion", "desactivation", "suppression", "reprise"
CONFIRMATION_ADRESSE: Final = "CONFIRMATION_ADRESSE"
CHANGEMENT_ADRESSE: Final = "CHANGEMENT_ADRESSE"
COMPTE_REPRIS: Final = "COMPTE_REPRIS"

_AT_AUTH = 25.0  # seconds to wait for auth to be back: tokens end at once then
_AT_INTEGRATIONS = 5.0  # seconds: integrations revokes at the provider meanwhile
_MAILS_MATTER = timedelta(hours=24)
_ALREADY = "ACCOUNT_NOT_FOUND"
# The reason of a callee that does not know the method: an older version, during an upgrade.
_NO_REASON = ""


async def _revoke(peers: Peers, request: RevokeUserRequest) -> None:
    tokens = peers.stub(TokenServiceStub, breaker=False)
    await tokens.RevokeUser(request, wait_for_ready=True, timeout=_AT_AUTH)


async def _send(peers: Peers, request: SendAccountMailRequest) -> None:
    await peers.stub(EmailServiceStub).SendAccountMail(request)


async def _disconnect(peers: Peers, request: ListIntegrationsRequest) -> None:
    """Disconnect the accounts of the user one by one, skipping those that are disconnected already."""
    integrations = peers.stub(IntegrationServiceStub)
    for one in (await integrations.List(request)).integrations:
        try:
            await integrations.Disconnect(_account(request.user_id, one), timeout=_AT_INTEGRATIONS)
        except grpc.aio.AioRpcError as error:
            if reason_of(error) != _ALREADY:
                raise


def _account(user_id: str, one: Integration) -> DisconnectRequest:
    return DisconnectRequest(user_id=user_id, provider=one.provider, account_id=one.provider_account_id)


def _pauses(attempts: int) -> timedelta:
    """Return how long a revocation waits after so many failed *attempts* (R28)."""
    return timedelta(seconds=1 if attempts == 1 else 5)


REVOCATION: Final = Command(
    "revocation",
    RevokeUserRequest,
    send=_revoke,
    waits=_pauses,
    not_yet=frozenset({DateInvalide.reason, _NO_REASON}),
    libelle="fin des sessions d'un utilisateur",
)
MAIL: Final = Command(
    "mail",
    SendAccountMailRequest,
    send=_send,
    given_up_after=_MAILS_MATTER,
    not_yet=frozenset({_NO_REASON}),
    sealed=("jeton",),
)
DECONNEXION: Final = Command(
    "deconnexion", ListIntegrationsRequest, send=_disconnect, not_yet=frozenset({_NO_REASON})
)
COMMANDS: Final = (REVOCATION, MAIL, DECONNEXION)


async def revoke(
    tx: Transaction, utilisateur_id: UUID, avant: datetime, motif: str, organisation_id: str = ""
) -> None:
    """End the user's tokens of ours issued before *avant*, by a command to auth.

    With *organisation_id*, only those that name this organisation.
    """
    request = RevokeUserRequest(
        utilisateur_id=str(utilisateur_id),
        avant=timestamp(avant),
        motif=motif,
        organisation_id=organisation_id,
    )
    await queue(tx, REVOCATION, request, key=str(uuid7()), organisation_id=organisation_id)


async def disconnect(tx: Transaction, utilisateur_id: UUID) -> None:
    """Disconnect and revoke the accounts that the user has connected, by a command to integrations."""
    request = ListIntegrationsRequest(user_id=str(utilisateur_id))
    await queue(tx, DECONNEXION, request, key=str(uuid7()))


async def mail(
    tx: Transaction,
    envelope: Envelope,
    modele: str,
    utilisateur: Utilisateur,
    email: str,
    *,
    jeton: str = "",
    expire_le: datetime | None = None,
    nouvelle_adresse: str = "",
) -> None:
    """Write to *utilisateur* at *email* about his account, by a command to email."""
    key = str(uuid7())
    prenom, nom = personnes.greeting(utilisateur)
    request = SendAccountMailRequest(
        utilisateur_id=str(utilisateur.id),
        email=email,
        prenom=prenom,
        nom=nom,
        modele_code=modele,
        jeton=jeton,
        expire_le=timestamp(expire_le) if expire_le is not None else None,
        nouvelle_adresse=nouvelle_adresse,
        cle_idempotence=f"{modele}:{key}",
    )
    await queue(tx, MAIL, request, key=key, envelope=envelope)
