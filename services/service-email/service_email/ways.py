"""The ways out of a running service: the platform's server, and those of mailboxes (R6, R13).

Passwords are opened and access tokens fetched here, for one conversation each.
"""

from typing import Final

import grpc
from crm.integrations.integrations_pb2 import GetAccessTokenRequest
from crm.integrations.integrations_pb2_grpc import TokenServiceStub
from db_utils import Scope, Undecipherable, within
from grpc_utils import failure_of, reason_of
from grpc_utils.errors import Refusal
from service_kit import App

from service_email.boite_rules import PROVIDERS, needs_encryption, place
from service_email.models import OAUTH2, BoiteMail, Message
from service_email.settings import EmailSettings
from service_email.transports import (
    PORTS,
    DeliveryFailure,
    FolderTransport,
    SmtpAccess,
    SmtpTransport,
    Transport,
    Trust,
)

BOITE_INACTIVE: Final = "BOITE_INACTIVE"
BOITE_SUPPRIMEE: Final = "BOITE_SUPPRIMEE"
CHIFFREMENT_REQUIS: Final = "CHIFFREMENT_REQUIS"
DECHIFFREMENT: Final = "DECHIFFREMENT"
RECONNECT: Final = frozenset(
    {"PERMISSION_MANQUANTE", "TOKEN_EXPIRED", "NO_ACCESS_TOKEN", "ACCOUNT_NOT_FOUND"}
)
"""Refusals of integrations that last until the account is connected again."""
_TOKEN_PATIENCE: Final = 12.0  # seconds: integrations may have to ask the provider


class Ways:
    """The transports of *app*. The same object serves all of its parts: see `App.part`."""

    def __init__(self, app: App[EmailSettings]) -> None:
        self._database, self._peers, self._settings = app.database, app.peers, app.settings
        self._envelope, self._trust = app.settings.envelope(), Trust()
        self._platform = self._of_platform()

    async def of(self, message: Message) -> Transport:
        """The transport by which *message* leaves. Raises DeliveryFailure."""
        if message.boite_mail_id is None:
            return self._platform
        with within(Scope(message.organisation_id)):
            boite = await self._database.read().get(BoiteMail, message.boite_mail_id)
        if boite is None:
            raise DeliveryFailure(BOITE_SUPPRIMEE, permanent=True)
        if not boite.actif:  # whoever has deactivated it may be about to repair it
            raise DeliveryFailure(BOITE_INACTIVE)
        return await self.of_mailbox(boite, self._settings.smtp_timeout_s)

    async def of_mailbox(self, boite: BoiteMail, patience: float) -> SmtpTransport:
        """The transport of *boite*, with *patience* seconds for each conversation. Raises DeliveryFailure."""
        settings = self._settings
        if needs_encryption(boite.securite, boite.smtp_host, settings.smtp_allow_plaintext):
            raise DeliveryFailure(CHIFFREMENT_REQUIS, permanent=True)
        access = SmtpAccess(
            boite.smtp_host,
            boite.smtp_port,
            boite.securite,
            username=boite.username or "",
            password=self._password(boite),
            token=await self._token(boite) if boite.type_connexion == OAUTH2 else "",
            public_only=not settings.smtp_allow_private,
        )
        return SmtpTransport(access, self._trust, patience)

    def _of_platform(self) -> Transport:
        settings = self._settings
        if not settings.smtp_host:
            return FolderTransport(settings.mail_folder)
        access = SmtpAccess(
            settings.smtp_host,
            settings.smtp_port or PORTS[settings.smtp_securite],
            settings.smtp_securite,
            username=settings.smtp_username,
            password=settings.smtp_password.get_secret_value(),
        )
        return SmtpTransport(access, self._trust, settings.smtp_timeout_s)

    def _password(self, boite: BoiteMail) -> str:
        if boite.mot_de_passe is None:
            return ""
        try:
            return self._envelope.open(boite.mot_de_passe, place(boite.id))
        except Undecipherable as error:
            raise DeliveryFailure(DECHIFFREMENT) from error

    async def _token(self, boite: BoiteMail) -> str:
        request = GetAccessTokenRequest(
            user_id=boite.integration_user_id or "",
            provider=PROVIDERS[boite.fournisseur].code,
            account_id=boite.integration_account_id or "",
            usage="mail",
        )
        try:
            with within(Scope(boite.organisation_id)):
                tokens = self._peers.stub(TokenServiceStub)
                answer = await tokens.GetAccessToken(request, timeout=_TOKEN_PATIENCE)
        except (Refusal, grpc.aio.AioRpcError) as error:
            reason = reason_of(error)
            raise DeliveryFailure(reason or str(failure_of(error)), permanent=reason in RECONNECT) from error
        return str(answer.access_token)
