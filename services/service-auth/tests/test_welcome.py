"""Welcome mails: owed with the account, sent once, given up after four attempts (R20)."""

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import AuthServiceStub
from crm.users import users_pb2
from crm.users.users_pb2_grpc import UtilisateurServiceStub
from db_utils import clock
from service_auth.models import BienvenueAEnvoyer
from service_auth.service import SERVICE
from service_auth.welcome import welcome, welcome_request
from service_email.models import Message
from service_email.service import SERVICE as EMAIL
from service_testing import Mesh, eventually, running
from service_testing.oidc import OidcProvider, browse, person
from service_testing.smtp import smtp_server
from service_users.service import SERVICE as USERS
from sqlalchemy import select
from tests.connexions import new_email, new_ip, settings_with


@pytest.fixture(scope="module")
async def mesh(provider: OidcProvider) -> AsyncIterator[Mesh]:
    """A mesh of its own in which no mail is owed yet and no job runs by itself."""
    still = (replace(SERVICE, workers=()), USERS, replace(EMAIL, workers=()))
    async with running(*still, **settings_with(provider)) as mesh:
        yield mesh


async def newcomer(mesh: Mesh, provider: OidcProvider, **claims: object) -> pb.UtilisateurConnecte:
    """Somebody who signs in at Google for the first time; *claims* are added to his ID token."""
    auth = mesh.service_stub(AuthServiceStub, caller="users")
    provider.person = person(new_email(), **claims)
    begun = await auth.GetGoogleAuthUrl(pb.GetGoogleAuthUrlRequest(ip=new_ip()))
    back = await browse(begun.auth_url)
    request = pb.HandleGoogleCallbackRequest(liaison=begun.liaison, ip=new_ip(), **back)
    return (await auth.HandleGoogleCallback(request)).user


async def owed(mesh: Mesh, user: pb.UtilisateurConnecte) -> BienvenueAEnvoyer:
    """Row of the mail that *user* is owed."""
    row = await mesh.database("auth").read().get(BienvenueAEnvoyer, user.id)
    assert row is not None
    return row


async def work(mesh: Mesh, at: datetime | None = None) -> None:
    """Run the job once, *at* an instant."""
    app: Any = mesh["auth"].app
    with clock.frozen_at(at or clock.now()):
        await welcome(app)


async def mails_to(mesh: Mesh, user: pb.UtilisateurConnecte) -> list[str]:
    """Subjects of the mails to *user* that email has stored."""
    to_him = select(Message.sujet).where(Message.cle_idempotence == f"bienvenue:{user.id}")
    return await mesh.database("email").read().all(to_him)


async def test_R20_a_newcomer_is_welcomed_once(mesh: Mesh, provider: OidcProvider) -> None:
    """One mail is sent, although the job runs twice."""
    user = await newcomer(mesh, provider)
    for _ in range(2):
        await work(mesh)
    row = await owed(mesh, user)
    assert (row.tentatives, row.prochain_essai, row.envoye_le is not None) == (1, None, True)
    assert await mails_to(mesh, user) == ["Votre accès au CRM"]


async def test_R20_nobody_is_greeted_by_a_placeholder(mesh: Mesh, provider: OidcProvider) -> None:
    """Names that users has made up are left empty in the mail (users R3)."""
    nameless = await newcomer(mesh, provider, given_name="", family_name="", name="")
    known = await newcomer(mesh, provider)
    people = mesh.service_stub(UtilisateurServiceStub, caller="auth")
    requests = [
        welcome_request(await people.Get(users_pb2.GetUtilisateurRequest(id=one.id)))
        for one in (nameless, known)
    ]
    assert [(one.prenom, one.nom) for one in requests] == [("", ""), ("Jeanne", "Martin")]


async def test_R20_a_closed_account_is_not_welcomed(mesh: Mesh, provider: OidcProvider) -> None:
    """No mail is sent to an account that was deleted before the job ran."""
    user = await newcomer(mesh, provider)
    people = mesh.service_stub(UtilisateurServiceStub, caller="auth")
    await people.Delete(users_pb2.DeleteUtilisateurRequest(id=user.id))
    await work(mesh)
    row = await owed(mesh, user)
    assert (row.prochain_essai, row.envoye_le, await mails_to(mesh, user)) == (None, None, [])


async def test_R20_email_is_asked_four_times(
    mesh: Mesh, provider: OidcProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """Attempts follow after 30 s, 5 minutes and an hour; then an error is logged and the mail is given up."""
    waits = []
    async with mesh.without("email"):
        user = await newcomer(mesh, provider)
        row = await owed(mesh, user)
        while (due := row.prochain_essai) is not None:
            await work(mesh, due - timedelta(seconds=1))
            assert (await owed(mesh, user)).prochain_essai == due  # too early: nothing was done
            with caplog.at_level(logging.ERROR):
                await work(mesh, due)
            row = await owed(mesh, user)
            if row.prochain_essai is not None:
                waits.append((row.prochain_essai - due).total_seconds())
    told = [record for record in caplog.records if record.name == "service_auth.welcome"]
    given_up = [record.getMessage() for record in told if record.levelno == logging.ERROR]
    assert (waits, row.tentatives, row.envoye_le) == ([30, 300, 3600], 4, None)
    assert [user.id in line for line in given_up] == [True]
    assert user.email not in caplog.text


async def test_R20_the_mail_leaves_by_itself(provider: OidcProvider) -> None:
    """The mail is sent soon after the sign-in, which does not wait for it."""
    with smtp_server() as smtp:
        way: dict[str, Any] = {"smtp_host": smtp.host, "smtp_port": smtp.port, "smtp_securite": "aucune"}
        way |= {"smtp_from": "crm@exemple.fr"} | settings_with(provider)
        async with running(SERVICE, USERS, EMAIL, **way) as mesh:
            user = await newcomer(mesh, provider)
            (mail,) = await eventually(lambda: smtp.mails)
    assert mail.recipients == (user.email,)
