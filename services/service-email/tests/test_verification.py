"""TestConnection (R15): what a mailbox is told about its server, which never gets a mail."""

import asyncio
import socket
from typing import Any

import pytest
from crm.email import email_pb2 as pb
from crm.email.email_pb2_grpc import BoiteMailServiceStub
from db_utils import clock
from grpc import StatusCode
from service_email import verification
from service_email.boite_rules import AdressePrivee
from service_email.dialing import is_public
from service_email.transports import DeliveryFailure, SmtpAccess, SmtpTransport, Trust
from service_email.verification import verified
from service_email.ways import Ways
from service_kit import App
from service_testing import Mesh, refused
from service_testing.smtp import HANG, SmtpServer, smtp_server
from tests.secretariat import LOGIN, Bureau


async def answer_of(bureau: Bureau, boite: pb.BoiteMail) -> pb.TestConnectionBoiteMailResponse:
    """The answer to a test of the mailbox."""
    return await bureau.boites.TestConnection(pb.TestConnectionBoiteMailRequest(id=boite.id))


async def test_R15_a_mailbox_that_works_says_so_and_sends_nothing(bureau: Bureau, poste: SmtpServer) -> None:
    """The server sees a login and a goodbye; the mailbox notes the instant, under its version."""
    boite = await bureau.boite(poste)
    before = clock.now()
    answer = await answer_of(bureau, boite)
    assert (answer.success, answer.message) == (True, "La connexion fonctionne.")
    assert answer.details.startswith("250 ")
    assert (poste.greetings, poste.transactions, poste.goodbyes) == (1, 0, 1)
    noted = await bureau.read(boite)
    assert (noted.erreur, noted.version) == ("", boite.version)
    assert noted.derniere_verification.ToDatetime(before.tzinfo) >= before


async def test_R15_a_wrong_password_is_an_answer(bureau: Bureau, poste: SmtpServer) -> None:
    """And noted; a test that succeeds forgets it."""
    boite = await bureau.boite(poste, mot_de_passe="faux")
    answer = await answer_of(bureau, boite)
    assert (answer.success, answer.message) == (False, "Le serveur refuse l'identifiant ou le mot de passe.")
    assert answer.details == "535 5.7.8 Authentication credentials invalid"
    assert (await bureau.read(boite)).erreur == answer.details
    await bureau.boites.Update(pb.UpdateBoiteMailRequest(id=boite.id, mot_de_passe=LOGIN[1]))
    assert (await answer_of(bureau, boite)).success
    assert (await bureau.read(boite)).erreur == ""


async def test_R15_a_login_refused_for_now_asks_for_patience(bureau: Bureau, poste: SmtpServer) -> None:
    """454 is not the fault of the password."""
    poste.script(*["454 4.7.0 later"] * 3, at="AUTH")
    answer = await answer_of(bureau, await bureau.boite(poste))
    assert answer.message == "Le serveur refuse la connexion pour le moment ; réessayez plus tard."


@pytest.mark.parametrize(
    ("fields", "details"),
    [
        ({"smtp_port": 1}, "CONNEXION"),
        ({"smtp_host": "nulle-part.invalid", "securite": "tls"}, "NOM_INCONNU"),
        ({"securite": "starttls"}, "PROTOCOLE"),
        ({"securite": "tls"}, "TLS"),
    ],
)
async def test_R15_what_is_wrong_with_the_server_is_said(
    bureau: Bureau, poste: SmtpServer, fields: dict[str, Any], details: str
) -> None:
    """By a word for whoever looks after it; never by the text of an exception."""
    answer = await answer_of(bureau, await bureau.boite(poste, **fields))
    assert (answer.success, answer.details) == (False, details)


async def test_R15_a_certificate_that_nobody_vouches_for_is_said(bureau: Bureau) -> None:
    """The password does not travel."""
    with smtp_server("starttls", login=LOGIN) as server:
        answer = await answer_of(bureau, await bureau.boite(server, securite="starttls"))
    assert (answer.success, answer.details) == (False, "CERTIFICAT")


async def test_R15_all_of_it_takes_ten_seconds_at_most(
    bureau: Bureau, poste: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that says nothing is left in time (here a third of a second)."""
    assert verification.PATIENCE == 10.0
    monkeypatch.setattr(verification, "PATIENCE", 0.3)
    poste.script(HANG, at="AUTH")
    answer = await answer_of(bureau, await bureau.boite(poste))
    assert (answer.success, answer.details) == (False, "DELAI")


async def test_R15_a_server_in_a_private_network_is_refused(bureau: Bureau, poste: SmtpServer) -> None:
    """Not an answer but INVALID_ARGUMENT, and nobody is connected to: here a name that resolves to us."""
    boite = await bureau.boite(poste, smtp_host="localhost")
    app: Any = bureau.app
    guarded = Ways(
        App(app.settings.model_copy(update={"smtp_allow_private": False}), app.database, app.peers)
    )
    with pytest.raises(AdressePrivee):
        await verified(guarded, await bureau.row(boite))
    assert poste.greetings == 0


async def test_R15_of_a_mailbox_that_is_unknown_nothing_is_tested(mesh: Mesh, org: str) -> None:
    """It is NOT_FOUND."""
    boites = mesh.stub(BoiteMailServiceStub, organisation=org)
    request = pb.TestConnectionBoiteMailRequest(id="boite-1")
    assert await refused(boites.TestConnection(request)) == (StatusCode.NOT_FOUND, "INTROUVABLE")


async def test_R14_a_permission_that_was_taken_back_is_noticed(bureau: Bureau, poste: SmtpServer) -> None:
    """A mailbox without encryption elsewhere sends nothing once SMTP_ALLOW_PLAINTEXT is false again."""
    boite = await bureau.boite(poste)
    async with bureau.app.database.transaction() as tx:
        await tx.update(await bureau.row(boite), smtp_host="smtp.exemple.fr")
    answer = await answer_of(bureau, boite)
    assert (answer.success, answer.details) == (False, "CHIFFREMENT_REQUIS")
    sent = await bureau.send(boite_mail_id=boite.id)
    await bureau.deliver()
    assert await bureau.state(sent) == ("echec", 1, "CHIFFREMENT_REQUIS")


async def test_C15_a_password_that_does_not_open_is_said(bureau: Bureau, poste: SmtpServer) -> None:
    """The envelope of another row opens here as little as one of a lost key."""
    boite = await bureau.boite(poste)
    other = await bureau.row(await bureau.boite(poste, adresse_email="b@exemple.fr"))
    async with bureau.app.database.transaction() as tx:
        await tx.update(await bureau.row(boite), mot_de_passe=other.mot_de_passe)
    answer = await answer_of(bureau, boite)
    assert (answer.success, answer.details) == (False, "DECHIFFREMENT")
    assert poste.greetings == 0


@pytest.mark.parametrize(("name", "trusted"), [("localhost", True), ("127.0.0.1", False)])
async def test_R15_the_certificate_is_for_the_name_though_an_address_is_connected_to(
    monkeypatch: pytest.MonkeyPatch, name: str, trusted: bool
) -> None:
    """A certificate for the address alone does not do for the name, by STARTTLS and TLS alike."""
    for securite in ("starttls", "tls"):
        with smtp_server(securite, name=name) as server:
            assert server.certificate is not None
            monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate.file))
            way = SmtpTransport(SmtpAccess("localhost", server.port, securite), Trust(), 5.0)
            if trusted:
                assert (await way.verify("a@exemple.fr")).startswith("250")
            else:
                with pytest.raises(DeliveryFailure, match=r"^CERTIFICAT$"):
                    await way.verify("a@exemple.fr")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # an address to be refused, nothing listens on it
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.215.14", True),
        ("64:ff9b::a00:1", False),
        ("64:ff9b::5db8:d70e", True),
        ("2002:a00:1::1", False),
    ],
)
def test_R15_addresses_of_the_internet_and_others(address: str, public: bool) -> None:
    """An IPv6 address that stands for an IPv4 one is judged by that."""
    assert is_public(address) == public


async def test_R15_an_address_that_does_not_answer_is_followed_by_the_next() -> None:
    """Localhost is two addresses on many machines; the server listens on one of them."""
    with smtp_server() as server:
        way = SmtpTransport(SmtpAccess("localhost", server.port, "aucune"), Trust(), 5.0)
        assert (await way.verify("a@exemple.fr")).startswith("250")


async def test_R15_a_line_is_closed_when_its_test_is_given_up() -> None:
    """The server of a caller who has left is not kept waiting."""
    closed = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        closed.set()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0, family=socket.AF_INET) as server:
        port = server.sockets[0].getsockname()[1]
        way = SmtpTransport(SmtpAccess("127.0.0.1", port, "aucune"), Trust(), 0.2)
        with pytest.raises(DeliveryFailure, match=r"^DELAI$"):
            await way.verify("a@exemple.fr")
        await asyncio.wait_for(closed.wait(), 5)


def test_R16_what_logs_may_show_of_an_access_holds_no_secret() -> None:
    """Neither password nor token."""
    access = SmtpAccess("smtp.exemple.fr", 587, "tls", "moi", "mon-secret", "mon-jeton")
    assert "mon-secret" not in repr(access)
    assert "mon-jeton" not in repr(access)
