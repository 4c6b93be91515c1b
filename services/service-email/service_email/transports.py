"""The port through which mails leave, with its two ends: an SMTP server, or a folder (R6).

A transport knows nothing of the queue: it delivers one mail once and reports the outcome.
"""

import asyncio
import re
import ssl
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Protocol

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from service_email.addresses import ascii_domain
from service_email.mime import Mail
from service_email.settings import EmailSettings

_LONGEST_REPLY = 500  # characters of a reply that the journal keeps (R10)
SMTPUTF8_ABSENT = "SMTPUTF8_ABSENT"  # the reply of a failure: the server lacks the extension (R19)
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


class Transport(Protocol):
    """The way out for mails."""

    async def send(self, mail: Mail) -> Receipt:
        """Deliver *mail* to all or some of its recipients. Raises DeliveryFailure."""


@lru_cache(maxsize=16)
def transport(settings: EmailSettings) -> Transport:
    """The transport of *settings*, the same object for the same settings."""
    return SmtpTransport(settings) if settings.smtp_host else FolderTransport(settings.mail_folder)


class SmtpTransport:
    """A transport by the platform's SMTP server, in one conversation per mail."""

    def __init__(self, settings: EmailSettings) -> None:
        self._settings = settings

    async def send(self, mail: Mail) -> Receipt:
        """Deliver *mail* within the time of the settings. Raises DeliveryFailure."""
        client = self._client(mail.sender)
        try:
            return await self._converse(client, mail)
        except SMTPRecipientsRefused as error:
            replies = {one.recipient: (one.code, one.message) for one in error.recipients}
            code = min(code for code, _ in replies.values())  # a single 4xx is worth another attempt
            raise DeliveryFailure(_listed(replies), code=code, permanent=_final(code)) from error
        except SMTPResponseException as error:
            raise DeliveryFailure(error.message, code=error.code, permanent=_final(error.code)) from error
        except (SMTPException, OSError) as error:  # no connection, no reply, no trust
            raise DeliveryFailure(f"{type(error).__name__}: {error}") from error
        finally:
            client.close()

    async def _converse(self, client: SMTP, mail: Mail) -> Receipt:
        try:
            async with asyncio.timeout(self._settings.smtp_timeout_s):
                await client.connect()
                refused, reply = await _given(client, mail)
        except (SMTPRecipientsRefused, SMTPResponseException, DeliveryFailure):
            await _take_leave(client)
            raise
        await _take_leave(client)
        return Receipt(250, _storable(reply), _storable(_listed(refused)))

    def _client(self, sender: str) -> SMTP:
        settings = self._settings
        return SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_username or None,
            password=settings.smtp_password.get_secret_value() or None,
            local_hostname=ascii_domain(sender),
            timeout=None,  # the whole delivery has one, in `_converse`
            use_tls=settings.smtp_securite == "tls",
            start_tls=settings.smtp_securite == "starttls",
            tls_context=self._tls,
        )

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """The trusted certificates, read once per transport: reading them takes some 20 ms."""
        return ssl.create_default_context()


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
            raise DeliveryFailure(f"{type(error).__name__}: {error}") from error
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
