"""Ways in which a reminder reaches somebody (R17): a mail, a task, a notification.

Each is a call to another service, whose request is kept before the first attempt (`envois.py`), so that
a repetition is word for word the same. The requests are made in `contenus.py`.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import grpc
from crm.activites.activites_pb2 import CreateTacheRequest
from crm.activites.activites_pb2_grpc import TacheServiceStub
from crm.email.email_pb2 import SendRequest, SendTemplateRequest
from crm.email.email_pb2_grpc import EmailServiceStub
from crm.notifications.notifications_pb2 import CreateNotificationRequest
from crm.notifications.notifications_pb2_grpc import NotificationServiceStub
from google.protobuf.message import Message
from grpc_utils import Peers, info_of, reason_of
from grpc_utils.errors import CleIdempotenceReutilisee
from service_kit.outgoing import Command

from service_relance.models import (
    CREER_TACHE,
    ENVOYER_EMAIL,
    NOTIFICATION,
    REJET_PRELEVEMENT,
    RegleRelance,
)

M = TypeVar("M", bound=Message)

_NOT_TAKEN: Final = "VARIABLE_INCONNUE"  # reason of email


@dataclass(frozen=True, slots=True)
class Canal(Generic[M]):
    """A way to reach somebody; *reference* is the column of `Envoi` for what the callee has made."""

    command: Command[M]
    reference: str

    async def envoyer(self, peers: Peers, contenu: M) -> str:
        """Send *contenu*; the id of what the callee has made, "" when an earlier content has arrived.

        Raises Unavailable, AioRpcError.
        """
        try:
            made: Any = await self.command.send(peers, contenu)
        except grpc.aio.AioRpcError as refusal:
            if reason_of(refusal) != CleIdempotenceReutilisee.reason:
                raise
            return ""
        return str(made.id)


def _command(name: str, request: type[M], send: Callable[[Peers, M], Awaitable[object]]) -> Command[M]:
    return Command(name, request, send=send, alerted_after=None)  # R18 tells people


async def _send_mail(peers: Peers, request: SendRequest) -> object:
    return await peers.stub(EmailServiceStub).Send(request)


async def _send_by_template(peers: Peers, request: SendTemplateRequest) -> object:
    """Have email write by a template, with those of our variables that it takes.

    Which ones it takes nobody tells: email refuses the others, one by one.
    """
    asked = SendTemplateRequest()
    asked.CopyFrom(request)
    while True:
        try:
            return await peers.stub(EmailServiceStub).SendTemplate(asked)
        except grpc.aio.AioRpcError as refusal:
            told = info_of(refusal)
            name = told.metadata.get("variable", "")
            if told.reason != _NOT_TAKEN or name not in asked.variables:
                raise
            del asked.variables[name]


async def create_tache(peers: Peers, request: CreateTacheRequest) -> object:
    """Have activites make the task; a repetition makes no second one."""
    return await peers.stub(TacheServiceStub).Create(request)


async def _notify(peers: Peers, request: CreateNotificationRequest) -> object:
    return await peers.stub(NotificationServiceStub).Create(request)


EMAIL: Final = Canal(_command("relance-email", SendRequest, _send_mail), "message_id")
MODELE: Final = Canal(_command("relance-modele", SendTemplateRequest, _send_by_template), "message_id")
TACHE: Final = Canal(_command("relance-tache", CreateTacheRequest, create_tache), "tache_id")
INTERNE: Final = Canal(
    _command("relance-notification", CreateNotificationRequest, _notify), "notification_id"
)
CANAUX: Final[Sequence[Canal[Any]]] = (EMAIL, MODELE, TACHE, INTERNE)


def canaux_of(regle: RegleRelance, *, email: str) -> Sequence[Canal[Any]]:
    """The ways that *regle* takes; a client without an *email* is written to by nobody but called (R17).

    Of a rejected debit the client has had a mail by the email service: there is a task alone (R8).
    """
    if regle.action_type == NOTIFICATION:
        return (INTERNE,)
    if regle.action_type == CREER_TACHE or regle.declencheur == REJET_PRELEVEMENT or not email:
        return (TACHE,)
    mail: Canal[Any] = MODELE if regle.modele_code else EMAIL
    return (mail,) if regle.action_type == ENVOYER_EMAIL else (mail, TACHE)


def is_mail(canal: Canal[Any]) -> bool:
    """Tell whether *canal* writes to the client."""
    return canal in (EMAIL, MODELE)
