"""The port through which mails leave, with its two ends: an SMTP server, or a folder (R6).

A transport knows nothing of the queue: it delivers one mail once and reports the outcome. `ways.py` makes
those of the platform and of mailboxes.
"""

import asyncio
import logging
import re
import socket
import ssl
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol, TypeVar

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
)

from service_email.addresses import ascii_domain
from service_email.dialing import PrivateAddress, dial
from service_email.mime import Mail
from service_email.models import AUCUNE, STARTTLS, TLS

T = TypeVar("T")
_log = logging.getLogger(__name__)

PORTS: Final = {STARTTLS: 587, TLS: 465, AUCUNE: 25}  # RFC 6409, RFC 8314, RFC 5321
DELAI: Final = "DELAI"
CERTIFICAT: Final = "CERTIFICAT"
CONNEXION: Final = "CONNEXION"
NOM_INCONNU: Final = "NOM_INCONNU"
CHIFFREMENT: Final = "TLS"
PROTOCOLE: Final = "PROTOCOLE"  # the server has no STARTTLS, or no such login
CAUSES: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (ssl.SSLCertVerificationError, CERTIFICAT),
    (ssl.SSLError, CHIFFREMENT),
    (TimeoutError, DELAI),
    (socket.gaierror, NOM_INCONNU),
    (OSError, CONNEXION),
    (SMTPServerDisconnected, CONNEXION),
)
"""Codes of failures without a reply, by their cause, the narrowest class first."""
_LONGEST_REPLY = 500  # characters of a reply that the journal keeps (R10)
SMTPUTF8_ABSENT = "SMTPUTF8_ABSENT"  # the reply of a failure: the server lacks the extension (R19)
ADRESSE_PRIVEE = "ADRESSE_PRIVEE"  # the same: the server is not on the Internet (R15)
_UTF8_OPTIONS = ("SMTPUTF8", "BODY=8BITMIME")  # RFC 6531 section 3.6
_GOODBYE = 2.0  # seconds that the server gets to answer QUIT
_NOT_STORABLE = re.compile(r"[\x00-\x1f\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class Receipt:
    """The acceptance of a mail: the server's last reply, and the recipients it refused ("" for none)."""

    code: int | None
    reply: str
    refused: str = ""


class DeliveryFailure(Exception):
    """A failure to deliver a mail to anybody; a *permanent* one would only be repeated."""

    def __init__(self, reply: str, *, code: int | None = None, permanent: bool = False) -> None:
        super().__init__(reply)
        self.reply, self.code, self.permanent = _storable(reply), code, permanent


class NoAnswer(DeliveryFailure):
    """A failure without a reply of the server, told by a code alone: of CAUSES, PROTOCOLE, or DOSSIER.

    The text of *error*, which may name machines and folders of ours, is for the log.
    """

    def __init__(self, code: str, error: Exception) -> None:
        super().__init__(code)
        _log.warning("a mail has not left (%s): %s: %s", code, type(error).__name__, error)


class Transport(Protocol):
    """The way out for mails."""

    async def send(self, mail: Mail) -> Receipt:
        """Deliver *mail* to all or some of its recipients. Raises DeliveryFailure."""


@dataclass(frozen=True, slots=True)
class SmtpAccess:
    """A server, how the line to it is encrypted, and the login there.

    There is none without *username*; with *token*, an access token, it is XOAUTH2. With *public_only* the
    server must be on the Internet.
    """

    host: str
    port: int
    securite: str
    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    public_only: bool = False


class Trust:
    """The certificate authorities of this machine, read at the first use: it takes some 20 ms."""

    @cached_property
    def context(self) -> ssl.SSLContext:
        """What TLS clients verify servers with: the certificate, and that it is for the server's name."""
        return ssl.create_default_context()


class SmtpTransport:
    """A transport by the server of *access*, in one conversation of at most *patience* seconds per mail."""

    def __init__(self, access: SmtpAccess, trust: Trust, patience: float) -> None:
        self._access, self._trust, self._patience = access, trust, patience

    async def send(self, mail: Mail) -> Receipt:
        """Deliver *mail*. Raises DeliveryFailure."""
        client = self._client(mail.sender)
        refused, reply = await self._conversation(client, lambda: _given(client, mail))
        return Receipt(250, _storable(reply), _storable(_listed(refused)))

    async def verify(self, sender: str) -> str:
        """Log in for *sender* and send nothing; return what the server says. Raises DeliveryFailure."""
        client = self._client(sender)
        answer = await self._conversation(client, client.noop)
        return _storable(f"{answer.code} {answer.message}")

    async def _conversation(self, client: SMTP, ask: Callable[[], Awaitable[T]]) -> T:
        try:
            return await self._connected(client, ask)
        except SMTPRecipientsRefused as error:
            replies = {one.recipient: (one.code, one.message) for one in error.recipients}
            code = min(code for code, _ in replies.values())  # a single 4xx is worth another attempt
            raise DeliveryFailure(_listed(replies), code=code, permanent=_final(code)) from error
        except SMTPResponseException as error:
            raise DeliveryFailure(error.message, code=error.code, permanent=_final(error.code)) from error
        except PrivateAddress as error:
            raise DeliveryFailure(ADRESSE_PRIVEE, permanent=True) from error
        except (SMTPException, OSError) as error:  # no connection, no reply, no trust
            raise NoAnswer(_cause_of(error), error) from error
        finally:
            client.close()

    async def _connected(self, client: SMTP, ask: Callable[[], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(self._patience):
                await self._connect(client)
                answer = await ask()
        except (SMTPRecipientsRefused, SMTPResponseException, DeliveryFailure):
            await _take_leave(client)
            raise
        await _take_leave(client)
        return answer

    async def _connect(self, client: SMTP) -> None:
        access = self._access
        line = await dial(access.host, access.port, public_only=access.public_only)
        try:
            await client.connect(sock=line)
        except BaseException:
            client.close()
            line.close()
            raise

    def _client(self, sender: str) -> SMTP:
        access = self._access
        return SMTP(
            hostname=access.host,  # the name that the certificate is verified for
            username=access.username or None,
            password=access.password or None,
            oauth_token_generator=self._token if access.token else None,
            local_hostname=ascii_domain(sender),
            timeout=None,  # the whole conversation has one, in `_connected`
            use_tls=access.securite == TLS,
            start_tls=access.securite == STARTTLS,
            tls_context=self._trust.context,
        )

    async def _token(self) -> str:
        return self._access.token


def _cause_of(error: BaseException) -> str:
    """The code of the known cause of *error*; PROTOCOLE where there is none."""
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None:
        chain.append(cause)
        cause = cause.__cause__
    known = (code for kind, code in CAUSES if any(isinstance(one, kind) for one in chain))
    return next(known, PROTOCOLE)


async def _given(client: SMTP, mail: Mail) -> tuple[Mapping[str, tuple[int, str]], str]:
    """The recipients that the server has refused, and its last reply.

    Raises DeliveryFailure when the mail needs SMTPUTF8 and the server lacks it (R19).
    """
    options = _UTF8_OPTIONS if mail.smtputf8 else ()
    try:
        return await client.sendmail(mail.sender, mail.recipients, mail.content, mail_options=options)
    except SMTPNotSupported as error:  # no other extension is asked for here
        raise DeliveryFailure(SMTPUTF8_ABSENT, permanent=True) from error


async def _take_leave(client: SMTP) -> None:
    """Say QUIT; whatever the server does then, the fate of the mail is known."""
    with suppress(SMTPException, OSError):
        await client.quit(timeout=_GOODBYE)


def _final(code: int) -> bool:
    return 500 <= code < 600


def _listed(replies: Mapping[str, tuple[int, str]]) -> str:
    return "; ".join(f"{address}: {code} {reply}" for address, (code, reply) in replies.items())


def _storable(text: str) -> str:
    """The reply of a server as the database takes it: one line of at most 500 characters."""
    return _NOT_STORABLE.sub(" ", text)[:_LONGEST_REPLY]


class FolderTransport:
    """A transport that writes each mail as a file <message id>.eml; delivered again, it replaces itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, mail: Mail) -> Receipt:
        """Write *mail*, whole or not at all, readable by its owner only. Raises DeliveryFailure."""
        try:
            await asyncio.to_thread(self._write, mail)
        except OSError as error:
            raise NoAnswer("DOSSIER", error) from error
        return Receipt(None, str(self._folder))

    def _write(self, mail: Mail) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self._folder, prefix=".")
        written = Path(name)
        try:
            with open(descriptor, "wb") as file:
                file.write(mail.content)
            written.replace(self._folder / f"{mail.id}.eml")
        finally:
            written.unlink(missing_ok=True)
