"""Mailboxes of connected accounts (R13): tokens of a real integrations service, XOAUTH2 at a real server."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from crm.email import email_pb2 as pb
from crm.integrations import integrations_pb2
from crm.integrations.integrations_pb2_grpc import IntegrationServiceStub, TokenServiceStub
from service_email.service import SERVICE
from service_kit.registry import service_named
from service_testing import Mesh, eventually, running
from service_testing.fixtures import entered
from service_testing.oauth import Account, OauthProvider, oauth_provider
from service_testing.oidc import browse
from service_testing.smtp import SmtpServer
from tests.courrier import smtp_settings
from tests.secretariat import Bureau

GMAIL = "https://mail.google.com/"
ADDRESS = "jeanne@exemple.fr"
provider = entered(oauth_provider)


class Compte:
    """Jeanne, who has connected her account at Google, and a mailbox that writes from it."""

    def __init__(self, mesh: Mesh, provider: OauthProvider, org: str) -> None:
        self.mesh, self.provider = mesh, provider
        self.bureau = Bureau(mesh, org, f"jeanne-{org}")
        self._account = f"compte-{org}"

    async def connect(self) -> None:
        """Say yes at Google."""
        own = self.mesh.stub(IntegrationServiceStub, user=self.bureau.user)
        begun = await own.InitiateOAuth(integrations_pb2.InitiateOAuthRequest(provider="google"))
        self.provider.account = Account(self._account, "Jeanne Martin", ADDRESS)
        told = await browse(begun.auth_url)
        request = integrations_pb2.HandleCallbackRequest(
            provider="google", code=told["code"], state=told["state"]
        )
        gateway = self.mesh.service_stub(IntegrationServiceStub, caller="integrations")
        await gateway.HandleCallback(request)

    async def token(self) -> str:
        """The access token that integrations hands out now."""
        request = integrations_pb2.GetAccessTokenRequest(
            user_id=self.bureau.user, provider="google", account_id=self._account, usage="profil"
        )
        tokens = self.mesh.service_stub(TokenServiceStub, caller="integrations")
        return str((await tokens.GetAccessToken(request)).access_token)

    async def boite(self, poste: SmtpServer, **fields: Any) -> pb.BoiteMail:
        """A mailbox of the account, at the double of Google's server."""
        usual = {
            "adresse_email": ADDRESS,
            "fournisseur": "gmail",
            "type_connexion": "oauth2",
            "username": "",
            "mot_de_passe": "",
            "integration_account_id": self._account,
        }
        return await self.bureau.boite(poste, **(usual | fields))

    async def tested(self, boite: pb.BoiteMail) -> pb.TestConnectionBoiteMailResponse:
        """The answer to a test of the mailbox."""
        request = pb.TestConnectionBoiteMailRequest(id=boite.id)
        return await self.bureau.boites.TestConnection(request)

    async def found(self) -> None:
        """Wait until email reaches integrations, which may have been away."""
        await eventually(lambda: self.bureau.app.peers.serving("integrations"))


@pytest.fixture(scope="module")
async def connected(provider: OauthProvider, _smtp_of_steps: SmtpServer) -> AsyncIterator[Mesh]:
    """Email without its worker beside integrations."""
    settings = {**smtp_settings(_smtp_of_steps), **provider.settings(), "smtp_allow_private": True}
    origins = "https://app.exemple.fr"
    processes = (replace(SERVICE, workers=()), service_named("integrations"))
    async with running(*processes, integrations_redirect_origins=origins, **settings) as mesh:
        yield mesh


@pytest.fixture
async def compte(connected: Mesh, provider: OauthProvider, poste: SmtpServer, org: str) -> Compte:
    """An organisation in which Jeanne has connected nothing yet."""
    compte = Compte(connected, provider, org)
    await compte.found()
    return compte


async def test_R13_a_mail_leaves_with_the_token_of_the_account(compte: Compte, poste: SmtpServer) -> None:
    """As it is at the time of the sending; the token is in no message and no mailbox."""
    await compte.connect()
    token = await compte.token()
    poste.tokens[ADDRESS] = token
    boite = await compte.boite(poste)
    sent = await compte.bureau.send(boite_mail_id=boite.id)
    await compte.bureau.deliver()
    (mail,) = poste.mails
    assert (mail.sender, (await compte.bureau.message(sent)).statut) == (ADDRESS, "envoye")
    assert token not in f"{await compte.bureau.message(sent)}{await compte.bureau.read(boite)}"
    assert (await compte.tested(boite)).success


async def test_R13_without_the_permission_to_send_the_mail_ends_at_once(
    compte: Compte, provider: OauthProvider, poste: SmtpServer
) -> None:
    """PERMISSION_MANQUANTE; the test of the mailbox asks to connect the account again."""
    with provider.telling("token", scope="openid email profile"):
        await compte.connect()
    boite = await compte.boite(poste)
    sent = await compte.bureau.send(boite_mail_id=boite.id)
    await compte.bureau.deliver()
    assert await compte.bureau.state(sent) == ("echec", 1, "PERMISSION_MANQUANTE")
    answer = await compte.tested(boite)
    assert (answer.success, answer.details) == (False, "PERMISSION_MANQUANTE")
    assert answer.message.startswith("Reconnectez le compte")
    assert (await compte.bureau.read(boite)).erreur == "PERMISSION_MANQUANTE"
    assert poste.greetings == 0


async def test_R13_an_account_that_is_not_connected_ends_the_mail(compte: Compte, poste: SmtpServer) -> None:
    """Only its owner can help."""
    boite = await compte.boite(poste)
    sent = await compte.bureau.send(boite_mail_id=boite.id)
    await compte.bureau.deliver()
    assert await compte.bureau.state(sent) == ("echec", 1, "ACCOUNT_NOT_FOUND")


async def test_R10_while_integrations_is_away_the_mail_waits(compte: Compte, poste: SmtpServer) -> None:
    """And the test of the mailbox says to try again later."""
    await compte.connect()
    poste.tokens[ADDRESS] = await compte.token()
    boite = await compte.boite(poste)
    sent = await compte.bureau.send(boite_mail_id=boite.id)
    async with compte.mesh.without("integrations"):
        await compte.bureau.deliver()
        answer = await compte.tested(boite)
    assert await compte.bureau.state(sent) == ("en_file", 1, "DEPENDANCE_INDISPONIBLE")
    assert answer.message.endswith("réessayez plus tard.")
    await compte.found()
    await compte.bureau.deliver(timedelta(seconds=30))
    assert (await compte.bureau.message(sent)).statut == "envoye"


async def test_R10_a_token_that_the_server_refuses_is_echec(compte: Compte, poste: SmtpServer) -> None:
    """535 after the challenge of the mechanism; the test asks to connect again."""
    await compte.connect()
    poste.tokens[ADDRESS] = "un autre"
    boite = await compte.boite(poste)
    sent = await compte.bureau.send(boite_mail_id=boite.id)
    await compte.bureau.deliver()
    assert (await compte.bureau.state(sent))[:2] == ("echec", 1)
    answer = await compte.tested(boite)
    assert (answer.success, answer.details[:3]) == (False, "535")
    assert "Reconnectez le compte" in answer.message
