"""An SMTP server for tests: real sockets, real TLS, answers as scripted (aiosmtpd).

with smtp_server() as smtp:
    smtp.script("451 4.3.0 later", CUT)  # the next two mails; the third is accepted
    ...
    (mail,) = smtp.mails

It runs in a thread and on a loop of its own, as a server elsewhere does.
"""

import asyncio
import base64
import ssl
import tempfile
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from enum import Enum
from pathlib import Path
from typing import Any, Final, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import MISSING, AuthResult
from service_kit.embedded import free_port

from service_testing.certificates import Certificate, self_signed

HOST: Final = "127.0.0.1"
Security = Literal["aucune", "starttls", "tls"]
Stage = Literal["AUTH", "MAIL", "RCPT", "DATA", "QUIT"]


class Behaviour(Enum):
    """What a server may do instead of answering."""

    HANG = "keep the line and say nothing"
    CUT = "drop the line without a word"


HANG: Final = Behaviour.HANG
CUT: Final = Behaviour.CUT


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """A mail that the server accepted: its envelope and its bytes as they came."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    encrypted: bool
    options: tuple[str, ...] = ()  # of the MAIL command

    @property
    def message(self) -> EmailMessage:
        """The content as the standard library reads it."""
        return message_from_bytes(self.content, policy=policy.default)

    def body(self, kind: Literal["plain", "html"]) -> str:
        """The body of this kind; empty when the mail has none."""
        part = self.message.get_body((kind,))
        return "" if part is None else str(part.get_content())


class SmtpServer:
    """A server at *host* and *port*; `mails` are those it accepted, in order.

    With *security* other than "aucune", clients have to trust `certificate`, for instance by
    the environment variable SSL_CERT_FILE; it is for *name*. With a *login* (name, password),
    nobody else may send but those of `tokens`, user names with the access tokens by which they
    log in (XOAUTH2). While *smtputf8* is true it offers that extension (RFC 6531).
    """

    def __init__(
        self, security: Security, login: tuple[str, str] | None, folder: Path, name: str = HOST
    ) -> None:
        self.smtputf8 = True
        self.host, self.port = HOST, free_port()
        self.certificate: Certificate | None = None if security == "aucune" else self_signed(folder, name)
        self.tokens: dict[str, str] = {}
        self.mails: list[ReceivedMail] = []
        self.greetings = 0  # EHLO commands
        self.transactions = 0  # MAIL commands, whatever became of them
        self.goodbyes = 0  # QUIT commands
        self._security, self._login = security, login
        self._script: dict[Stage, deque[str | bytes | Behaviour]] = defaultdict(deque)
        self._refused: dict[str, str] = {}
        self._answering = threading.Event()
        self._answering.set()
        self._controller: Controller | None = None

    def script(self, *answers: str | bytes | Behaviour, at: Stage = "DATA") -> None:
        """Give the next *answers*, one per command at stage *at*; afterwards as usual.

        A text is sent as it is ("451 4.3.0 later"); HANG and CUT answer nothing.
        """
        self._script[at].extend(answers)

    def refuse(self, recipient: str, answer: str = "550 5.1.1 no such user") -> None:
        """Answer every RCPT for *recipient* with *answer*."""
        self._refused[recipient] = answer

    def forget(self) -> None:
        """Start afresh: no mails, no script, nobody refused."""
        self.mails, self.greetings, self.transactions, self.goodbyes = [], 0, 0, 0
        self._script.clear()
        self._refused.clear()
        self.tokens.clear()
        self.smtputf8 = True

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Inside, mails arrive and wait for their answer; afterwards they get it."""
        self._answering.clear()
        try:
            yield
        finally:
            self._answering.set()

    def start(self) -> None:
        """Listen on the port, also again after `stop`."""
        self._controller = Controller(_Handler(self), hostname=self.host, port=self.port, **self._options())
        self._controller.start()

    def stop(self) -> None:
        """Drop every line and listen no more."""
        self._answering.set()
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"authenticator": self._authenticate, "auth_require_tls": False}
        if self.certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self.certificate.file, self.certificate.key)
            if self._security == "tls":
                return {**options, "ssl_context": context}
            return {**options, "tls_context": context, "require_starttls": True, "auth_require_tls": True}
        return options

    def _authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
        given = (data.login.decode(), data.password.decode())
        return AuthResult(success=self._login in (None, given), handled=False)

    @property
    def _closed(self) -> bool:
        return self._login is not None or bool(self.tokens)

    async def _answer(self, stage: Stage, smtp: Any, usual: Any) -> Any:
        """What the script says at *stage*, else what is *usual*; does not return without an answer."""
        answer = self._script[stage].popleft() if self._script[stage] else usual
        if isinstance(answer, Behaviour):
            if answer is CUT:
                smtp.transport.abort()
            await asyncio.Event().wait()  # until the line is gone, which cancels this
        return answer


class _Handler:
    """What aiosmtpd asks, by the names of its hooks; each answers a reply or MISSING."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server

    async def handle_EHLO(
        self, smtp: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self._server.greetings += 1
        smtp.enable_SMTPUTF8 = offered = self._server.smtputf8
        return [line for line in responses if offered or not line.endswith("SMTPUTF8")]

    async def handle_AUTH(self, smtp: Any, session: Any, envelope: Any, args: list[str]) -> Any:
        return await self._server._answer("AUTH", smtp, MISSING)

    async def auth_XOAUTH2(self, smtp: Any, args: list[str]) -> AuthResult:
        """The mechanism of Google and Microsoft: a refusal is told as a challenge, then as a reply."""
        user, bearer, *_ = base64.b64decode(args[1]).decode().split("\x01")
        token = self._server.tokens.get(user.removeprefix("user="))
        if token is not None and bearer == f"auth=Bearer {token}":
            return AuthResult(success=True)
        await smtp.challenge_auth('{"status":"401"}')
        return AuthResult(success=False, handled=False)

    async def handle_MAIL(
        self, smtp: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> Any:
        self._server.transactions += 1
        if self._server._closed and not session.authenticated:
            return "530 5.7.0 authentication required"
        envelope.mail_from, envelope.mail_options = address, options
        return await self._server._answer("MAIL", smtp, "250 OK")

    async def handle_RCPT(
        self, smtp: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> Any:
        usual = self._server._refused.get(address, "250 OK")
        answer = await self._server._answer("RCPT", smtp, usual)
        if answer[:1] in ("2", b"2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, smtp: Any, session: Any, envelope: Any) -> Any:
        answer = await self._server._answer("DATA", smtp, "250 2.0.0 accepted")
        await asyncio.to_thread(self._server._answering.wait)
        if answer[:1] in ("2", b"2"):
            encrypted = smtp.transport.get_extra_info("sslcontext") is not None
            recipients = tuple(envelope.rcpt_tos)
            self._server.mails.append(
                ReceivedMail(
                    envelope.mail_from, recipients, envelope.content, encrypted, tuple(envelope.mail_options)
                )
            )
        return answer

    async def handle_QUIT(self, smtp: Any, session: Any, envelope: Any) -> Any:
        self._server.goodbyes += 1
        return await self._server._answer("QUIT", smtp, MISSING)


@contextmanager
def smtp_server(
    security: Security = "aucune", *, login: tuple[str, str] | None = None, name: str = HOST
) -> Iterator[SmtpServer]:
    """A running server; see `SmtpServer` for its parameters."""
    with tempfile.TemporaryDirectory() as folder:
        server = SmtpServer(security, login, Path(folder), name)
        server.start()
        try:
            yield server
        finally:
            server.stop()
