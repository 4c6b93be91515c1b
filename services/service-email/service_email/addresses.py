"""Mail addresses: checked, written for servers, read from settings.

`rules.py` checks requests with these; `mime.py` writes headers with them.
"""

from email.utils import parseaddr

from email_validator import EmailNotValidError, validate_email
from grpc_utils import email_address, required

_LONGEST_SENDER = 320


class InvalidAddress(ValueError):
    """A configured sender that is no address; the message says what to write instead."""


def address(text: str, champ: str) -> str:
    """A valid address in lower case (R4). Raises ChampRequis, FormatInvalide, TropLong."""
    return email_address(required(text, champ), champ) or ""


def needs_smtputf8(known: str) -> bool:
    """Tell whether a checked address may be given to servers with SMTPUTF8 (RFC 6531) alone (R19)."""
    return not known.rpartition("@")[0].isascii()


def wire_address(known: str) -> str:
    """A checked address as mails carry it: with its domain in ASCII (RFC 5891), or in UTF-8 (R19)."""
    if known.isascii() or needs_smtputf8(known):
        return known
    return validate_email(known, check_deliverability=False).ascii_email or known


def parsed_sender(text: str) -> tuple[str, str]:
    """The name and the address in "Name <address>" or "address". Raises InvalidAddress.

    The address may have a host of this machine, such as crm@localhost.
    """
    name, found = parseaddr(text)
    local, _, domain = found.rpartition("@")
    fits = text.isprintable() and len(text) <= _LONGEST_SENDER and " " not in found
    if not (local and domain and fits and (found.isascii() or _valid(found))):
        raise InvalidAddress("not a sender: write address or Name <address>")
    return name, found


def ascii_domain(known: str) -> str:
    """The domain of a checked address in ASCII (RFC 5891)."""
    domain = known.rpartition("@")[2]
    if domain.isascii():
        return domain
    return validate_email(f"a@{domain}", check_deliverability=False).ascii_domain


def _valid(found: str) -> bool:
    try:
        return bool(validate_email(found, check_deliverability=False))
    except EmailNotValidError:
        return False
