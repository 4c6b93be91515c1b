"""The users service, run once for all tests of this folder, beside organisations."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import (
    CredentialServiceStub,
    InvitationServiceStub,
    MembreServiceStub,
    SyncServiceStub,
    UtilisateurServiceStub,
)
from service_kit.registry import service_named
from service_testing import Mesh, running
from service_testing.fixtures import entered, of_service
from service_testing.issuer import IdentityProvider, identity_provider
from service_testing.webhooks import Webhook, hmac_webhook
from service_users.service import SERVICE
from tests.invites import InvitationsOf
from tests.peer_doubles import PeerDoubles, peer_doubles
from tests.personnes import COST, FORMER_SECRET, SECRET, Seen, Someone, new_email, new_subject
from tests.sent_webhooks import Account, Send, Told, event_of, now, request_of

kinde = entered(identity_provider)
people = of_service(UtilisateurServiceStub, caller="organisations")
credentials = of_service(CredentialServiceStub, caller="organisations")
sync = of_service(SyncServiceStub, caller="organisations")
membres = of_service(MembreServiceStub, caller="organisations")
invitations = of_service(InvitationServiceStub, caller="organisations")


@pytest.fixture(scope="package")
async def mesh(kinde: IdentityProvider) -> AsyncIterator[Mesh]:
    """A mesh in which tokens of issuer "crm" count as our own, and those without issuer as auth0's.

    Jobs rest; tests run them themselves.
    """
    settings: dict[str, Any] = {
        "bcrypt_cost": COST,
        "issuer_providers": "crm=local",
        "kinde_webhook_secret": SECRET,
        "kinde_webhook_secrets": f"{FORMER_SECRET}, {SECRET}",
        "kinde_issuer_url": kinde.issuer,
    }
    idle = replace(SERVICE, workers=())
    async with running(service_named("organisations"), idle, **settings) as mesh:
        yield mesh


@pytest.fixture(scope="package")
async def around(mesh: Mesh) -> AsyncIterator[PeerDoubles]:
    """Doubles of the services that users sends commands to."""
    async with peer_doubles(mesh) as around:
        yield around


@pytest.fixture
def email() -> str:
    """An address that no other test uses."""
    return new_email()


@pytest.fixture
def sujet() -> str:
    """A subject that no other test uses."""
    return new_subject()


@pytest.fixture
def seen(email: str, sujet: str) -> Seen:
    """Builder of a service's report of one person; fields as in SyncUser."""

    def request(**fields: Any) -> pb.SyncUserRequest:
        told = {"auth0_id": sujet, "email": email, "service_name": "accounting-service"}
        return pb.SyncUserRequest(**(told | fields))

    return request


@pytest.fixture
def someone(people: UtilisateurServiceStub) -> Someone:
    """Maker of accounts, each with an address of its own; fields as in Create."""

    async def make(**fields: Any) -> pb.Utilisateur:
        request = pb.CreateUtilisateurRequest(**({"email": new_email()} | fields))
        return (await people.Create(request)).utilisateur

    return make


@pytest.fixture
def as_user(mesh: Mesh) -> Callable[..., UtilisateurServiceStub]:
    """Accounts, called with a token of ours of a user; "" for one without membership."""

    def stub(utilisateur: pb.Utilisateur, organisation: str | None = "") -> UtilisateurServiceStub:
        return mesh.stub(UtilisateurServiceStub, user=utilisateur.id, organisation=organisation)

    return stub


@pytest.fixture
def send(sync: SyncServiceStub) -> Send:
    """Sender of webhooks, which returns their result."""

    async def sent(webhook: Webhook) -> str:
        return (await sync.HandleProviderWebhook(request_of(webhook))).resultat

    return sent


@pytest.fixture
def told(sujet: str, email: str) -> Told:
    """Builder of signed webhooks about one person, *at* seconds from now; fields of the provider's user."""

    def made(kind: str = "user.created", at: float = 0, **user: Any) -> Webhook:
        person = {} if kind == "user.deleted" else {"email": email, "first_name": None, "last_name": None}
        return hmac_webhook(event_of(kind, at, {"id": sujet} | person | user), SECRET, at=now())

    return made


@pytest.fixture
def account(people: UtilisateurServiceStub, sujet: str) -> Account:
    """Reader of the account of the person of the test."""

    async def read() -> pb.Utilisateur:
        return await people.GetByIdentity(
            pb.GetUtilisateurByIdentityRequest(fournisseur="kinde", sujet=sujet)
        )

    return read


@pytest.fixture
def own_invitations(mesh: Mesh) -> InvitationsOf:
    """Invitations, called with a token of ours of a user."""

    def stub(user: pb.Utilisateur, organisation: str = "") -> InvitationServiceStub:
        return mesh.stub(InvitationServiceStub, user=user.id, organisation=organisation)

    return stub


@pytest.fixture
def wish(org: str, email: str) -> Callable[..., pb.CreateInvitationRequest]:
    """Builder of an invitation of the person of the test; fields as in Create."""

    def request(**fields: Any) -> pb.CreateInvitationRequest:
        return pb.CreateInvitationRequest(**({"organisation_id": org, "email_invite": email} | fields))

    return request


@pytest.fixture
async def invitee(someone: Someone, email: str) -> pb.Utilisateur:
    """The person of the test, whose address is verified."""
    return await someone(email=email, email_verifie=True)
