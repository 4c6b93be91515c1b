"""Mail addresses: which are taken, how they travel, how they appear in logs.

`rules.py` checks requests with these; `mime.py` writes headers with them.
"""

from email.utils import parseaddr

from email_validator import validate_email
from grpc_utils import email_address, required
from grpc_utils.errors import FormatInvalide

_LONGEST_SENDER = 320


class InvalidAddress(ValueError):
    """A configured sender that is no address; the message says what to write."""


def address(text: str, champ: str) -> str:
    """A valid address in lower case (R4). Raises ChampRequis, FormatInvalide, TropLong.

    A local part outside ASCII is refused: it would need SMTPUTF8 all the way to its owner.
    """
    found = email_address(required(text, champ), champ)
    assert found is not None
    if not found.rpartition("@")[0].isascii():
        raise FormatInvalide(champ=champ)
    return found


def wire_address(known: str) -> str:
    """A checked address as SMTP and headers carry it: its domain in ASCII (RFC 5891)."""
    if known.isascii():
        return known
    return validate_email(known, check_deliverability=False).ascii_email or known


def parsed_sender(text: str) -> tuple[str, str]:
    """The name and the address in "Name <address>" or "address". Raises InvalidAddress."""
    name, found = parseaddr(text)
    local, _, domain = found.rpartition("@")
    fits = text.isprintable() and len(text) <= _LONGEST_SENDER and found.isascii() and " " not in found
    if not (local and domain and fits):
        raise InvalidAddress("not a sender: write address or Name <address>")
    return name, found
