"""The two transports: an SMTP server under TLS and login, and a folder."""

import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from db_utils import uuid7
from service_email.mime import Mail
from service_email.transports import DeliveryFailure, FolderTransport, SmtpAccess, SmtpTransport, Trust
from service_testing.smtp import CUT, HANG, Security, SmtpServer, smtp_server

MAIL = Mail(uuid7(), "crm@exemple.fr", ("jean@exemple.fr",), b"Subject: Bonjour\r\n\r\nBonjour.\r\n")
LOGIN = ("crm", "un mot de passe")


def to(server: SmtpServer, securite: Security, **settings: Any) -> SmtpTransport:
    """A transport to *server*."""
    return way(server.host, server.port, securite, **settings)


def way(host: str, port: int, securite: Security, patience: float = 30.0, **login: str) -> SmtpTransport:
    """A transport to the server at *host* and *port*."""
    access = SmtpAccess(host, port, securite, login.get("username", ""), login.get("password", ""))
    return SmtpTransport(access, Trust(), patience)


def names_in(folder: Path) -> list[str]:
    """The names of the files in *folder*."""
    return [file.name for file in folder.iterdir()]


def trust(server: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make TLS clients created from now on trust *server*."""
    assert server.certificate is not None
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate.file))


@pytest.mark.parametrize("securite", ["starttls", "tls"])
async def test_R14_mails_travel_encrypted_after_a_login(
    securite: Security, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mail reaches the server encrypted, by STARTTLS or by TLS from the start."""
    with smtp_server(securite, login=LOGIN) as server:
        trust(server, monkeypatch)
        await to(server, securite, username=LOGIN[0], password=LOGIN[1]).send(MAIL)
    (mail,) = server.mails
    assert (mail.encrypted, mail.sender, mail.recipients) == (True, MAIL.sender, MAIL.recipients)


@pytest.mark.parametrize("securite", ["starttls", "tls"])
async def test_R14_an_unknown_certificate_gets_neither_mail_nor_password(securite: Security) -> None:
    """A server whose certificate is not trusted is a temporary failure before anything is said."""
    with smtp_server(securite, login=LOGIN) as server:
        way = to(server, securite, username=LOGIN[0], password=LOGIN[1])
        with pytest.raises(DeliveryFailure, match=r"^CERTIFICAT$") as failed:
            await way.send(MAIL)
        assert (failed.value.permanent, server.transactions) == (False, 0)


async def test_R14_a_server_without_starttls_gets_no_mail() -> None:
    """A server that does not offer STARTTLS is a temporary failure, never plain text."""
    with smtp_server() as server:
        with pytest.raises(DeliveryFailure, match=r"^PROTOCOLE$") as failed:
            await to(server, "starttls").send(MAIL)
        assert (failed.value.permanent, server.transactions) == (False, 0)


async def test_R10_bad_credentials_are_permanent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong password (535) is a permanent failure."""
    with smtp_server("starttls", login=LOGIN) as server:
        trust(server, monkeypatch)
        with pytest.raises(DeliveryFailure) as failed:
            await to(server, "starttls", username=LOGIN[0], password="faux").send(MAIL)
    assert (failed.value.code, failed.value.permanent) == (535, True)


async def test_R10_a_login_refused_for_now_is_temporary(monkeypatch: pytest.MonkeyPatch) -> None:
    """A login refused for the moment (454) is a temporary failure."""
    with smtp_server("starttls", login=LOGIN) as server:
        trust(server, monkeypatch)
        server.script(*["454 4.7.0 temporary authentication failure"] * 3, at="AUTH")
        with pytest.raises(DeliveryFailure) as failed:
            await to(server, "starttls", username=LOGIN[0], password=LOGIN[1]).send(MAIL)
    assert (failed.value.code, failed.value.permanent) == (454, False)


@pytest.mark.parametrize("stage", ["MAIL", "DATA"])
async def test_R10_a_server_that_hangs_is_left_in_time(stage: Any) -> None:
    """Silence is a temporary failure after the time that one delivery may take."""
    with smtp_server() as server:
        server.script(HANG, at=stage)
        with pytest.raises(DeliveryFailure, match=r"^DELAI$") as failed:
            await to(server, "aucune", patience=0.3).send(MAIL)
    assert not failed.value.permanent


@pytest.mark.parametrize("securite", ["aucune", "starttls", "tls"])
async def test_R10_a_server_that_never_speaks_is_left_in_time(securite: Security) -> None:
    """Silence before the greeting or in the middle of TLS is a temporary failure in time."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        host, port = listening.getsockname()
        with pytest.raises(DeliveryFailure, match=r"^DELAI$") as failed:
            await way(host, port, securite, patience=0.3).send(MAIL)
    assert not failed.value.permanent


async def test_R10_nobody_at_the_address_is_temporary() -> None:
    """A refused connection is a temporary failure."""
    with smtp_server() as server:
        server.stop()
        with pytest.raises(DeliveryFailure) as failed:
            await to(server, "aucune").send(MAIL)
    assert not failed.value.permanent


@pytest.mark.parametrize(("answer", "stage"), [("250 OK", "DATA"), ("550 no", "DATA"), ("550 no", "RCPT")])
async def test_R10_a_server_that_answered_is_left_with_quit(answer: str, stage: Any) -> None:
    """The conversation ends with QUIT, whether the server took the mail or not."""
    with smtp_server() as server:
        server.script(answer, at=stage)
        with suppress(DeliveryFailure):
            await to(server, "aucune").send(MAIL)
        assert server.goodbyes == 1


async def test_R10_the_server_that_accepted_need_not_say_goodbye() -> None:
    """A connection cut after the acceptance is no failure."""
    with smtp_server() as server:
        server.script(CUT, at="QUIT")
        receipt = await to(server, "aucune").send(MAIL)
    assert (receipt.code, len(server.mails)) == (250, 1)


async def test_R06_a_folder_keeps_one_file_per_mail(tmp_path: Path) -> None:
    """The same mail replaces its file; nothing else is left in the folder."""
    folder = tmp_path / "not" / "yet"
    for _ in range(2):
        await FolderTransport(folder).send(MAIL)
    (file,) = folder.iterdir()
    assert (file.name, file.read_bytes()) == (f"{MAIL.id}.eml", MAIL.content)
    assert file.stat().st_mode & 0o077 == 0


async def test_R06_a_mail_that_cannot_be_put_in_place_leaves_nothing(tmp_path: Path) -> None:
    """A folder in the place of the file is a failure that leaves no other file behind."""
    (tmp_path / f"{MAIL.id}.eml").mkdir()
    with pytest.raises(DeliveryFailure):
        await FolderTransport(tmp_path).send(MAIL)
    assert names_in(tmp_path) == [f"{MAIL.id}.eml"]


async def test_R06_a_folder_that_cannot_be_written_is_a_temporary_failure(tmp_path: Path) -> None:
    """A file in the place of the folder is a temporary failure."""
    (tmp_path / "mail").write_text("")
    with pytest.raises(DeliveryFailure) as failed:
        await FolderTransport(tmp_path / "mail").send(MAIL)
    assert not failed.value.permanent


def outside_ascii() -> Mail:
    """A mail to somebody whose local part is outside ASCII."""
    return Mail(
        uuid7(),
        "crm@exemple.fr",
        ("élodie@exemple.fr", "jean@exemple.fr"),
        "To: élodie@exemple.fr\r\n\r\nBonjour.\r\n".encode(),
        smtputf8=True,
    )


async def test_R19_an_address_outside_ascii_travels_by_smtputf8() -> None:
    """Envelope and headers reach the server in UTF-8."""
    with smtp_server() as server:
        await to(server, "aucune").send(outside_ascii())
    (mail,) = server.mails
    assert mail.recipients == ("élodie@exemple.fr", "jean@exemple.fr")
    assert {"SMTPUTF8", "BODY=8BITMIME"} <= set(mail.options)
    assert "To: élodie@exemple.fr".encode() in mail.content


async def test_R19_without_smtputf8_nothing_is_sent_to_anybody() -> None:
    """A server without the extension gets nothing and a goodbye; other mails are served as before."""
    with smtp_server() as server:
        server.smtputf8 = False
        with pytest.raises(DeliveryFailure) as failed:
            await to(server, "aucune").send(outside_ascii())
        assert (failed.value.reply, failed.value.permanent) == ("SMTPUTF8_ABSENT", True)
        assert (server.transactions, server.goodbyes) == (0, 1)
        await to(server, "aucune").send(MAIL)
    assert [mail.options for mail in server.mails] == [()] or all(
        "SMTPUTF8" not in mail.options for mail in server.mails
    )
