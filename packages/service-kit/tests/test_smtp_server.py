"""The SMTP server of the tests, tried with the standard library's client."""

import smtplib
import ssl
from collections.abc import Iterator

import pytest
from service_testing.smtp import CUT, SmtpServer, smtp_server

MAIL = "Subject: Bonjour\r\n\r\nBonjour.\r\n"


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    """A server without encryption or login."""
    with smtp_server() as server:
        yield server


def send(server: SmtpServer, *to: str) -> dict[str, tuple[int, bytes]]:
    """Send a mail in a conversation of its own; who was refused."""
    with smtplib.SMTP(server.host, server.port, timeout=5) as client:
        return client.sendmail("crm@exemple.fr", to or ("jean@exemple.fr",), MAIL)


def test_accepted_mails_are_kept(server: SmtpServer) -> None:
    """Envelope and content, in order."""
    send(server, "a@exemple.fr", "b@exemple.fr")
    send(server)
    first, second = server.mails
    assert (first.sender, first.recipients) == ("crm@exemple.fr", ("a@exemple.fr", "b@exemple.fr"))
    assert (second.message["Subject"], second.body("plain").strip()) == ("Bonjour", "Bonjour.")
    assert server.transactions == 2


def test_answers_follow_the_script_then_the_custom(server: SmtpServer) -> None:
    """One per mail."""
    server.script("451 4.3.0 later")
    with pytest.raises(smtplib.SMTPDataError, match="451"):
        send(server)
    send(server)
    assert len(server.mails) == 1


def test_a_line_can_be_cut(server: SmtpServer) -> None:
    """Without an answer."""
    server.script(CUT)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(server)
    assert server.mails == []


def test_recipients_can_be_refused(server: SmtpServer) -> None:
    """The others get the mail."""
    server.refuse("parti@exemple.fr")
    refused = send(server, "parti@exemple.fr", "jean@exemple.fr")
    assert (refused["parti@exemple.fr"][0], server.mails[0].recipients) == (550, ("jean@exemple.fr",))


def test_a_stopped_server_listens_again_at_its_port(server: SmtpServer) -> None:
    """Between stop and start nobody answers."""
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        send(server)
    server.start()
    send(server)
    assert len(server.mails) == 1


def test_a_server_may_ask_for_tls_and_a_login() -> None:
    """Its certificate can be trusted; a wrong password is 535."""
    with smtp_server("starttls", login=("crm", "secret")) as server:
        assert server.certificate is not None
        trusting = ssl.create_default_context(cafile=str(server.certificate.file))
        with smtplib.SMTP(server.host, server.port, timeout=5) as client:
            client.starttls(context=trusting)
            with pytest.raises(smtplib.SMTPAuthenticationError, match="535"):
                client.login("crm", "faux")
            client.login("crm", "secret")
            client.sendmail("crm@exemple.fr", "jean@exemple.fr", MAIL)
    assert [mail.encrypted for mail in server.mails] == [True]
