"""Checks of single fields that every service needs; each takes a text and returns its stored form."""

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import date
from functools import lru_cache
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email
from stdnum.eu import vat
from stdnum.exceptions import ValidationError
from stdnum.fr import siren, siret

from grpc_utils.errors import (
    ChampRequis,
    DateInvalide,
    FormatInvalide,
    Refusal,
    TropLong,
    ValeurInconnue,
)
from grpc_utils.sentences import permitted

_OPAQUE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:|-]{0,63}")
# The usual local parts, for which the syntax check of email-validator is not needed.
_PLAIN_LOCAL = re.compile(r"(?=.{1,64}$)[a-z0-9_+-]+(\.[a-z0-9_+-]+)*")
_NOBODY, _MONACO = "000000000", "000"
_ELECTRONIC = re.compile(r"(?P<scheme>[0-9]{4}|AN|AQ|AS|AU|EM):(?P<identifier>\S+)")
_DIRECTORY, _EMAIL = "0225", "EM"
_IN_DIRECTORY = re.compile(r"[A-Za-z0-9._-]{1,125}")
_WEB_ADDRESS = re.compile(r"[^\s\"<>\\^`{|}]+")  # RFC 3987: what RFC 3986 has, and letters beyond ASCII
_LONGEST_WEB_ADDRESS = 2048
_LONGEST_EMAIL = 254  # RFC 5321 section 4.5.3.1.3, without the angle brackets


def required(text: str, champ: str) -> str:
    """Return *text*, which must not be empty. Raises ChampRequis."""
    if not text:
        raise ChampRequis(champ=champ)
    return text


def at_most(text: str, longest: int, champ: str) -> str:
    """Return *text*, which may have *longest* characters. Raises TropLong."""
    if len(text) > longest:
        raise TropLong(f"maximum : {longest} caractères", champ=champ)
    return text


def one_of(text: str, values: Collection[str], champ: str) -> str:
    """Return *text*, which must be one of *values* (C1). Raises ChampRequis, ValeurInconnue."""
    if required(text, champ) not in values:
        raise ValeurInconnue(*permitted(values), champ=champ)
    return text


def civil_date(text: str, champ: str) -> date:
    """The day written YYYY-MM-DD in *text* (C3). Raises DateInvalide."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise DateInvalide(champ=champ) from None
    if day.isoformat() != text:  # Python reads other forms of ISO 8601 as well, such as 2026-W09-7
        raise DateInvalide(champ=champ)
    return day


def optional_date(text: str | None, champ: str) -> date | None:
    """The same, None when *text* is empty or absent. Raises DateInvalide."""
    return civil_date(text, champ) if text else None


def is_opaque_id(text: str) -> bool:
    """Whether *text* may be an id made by another service (C2)."""
    return _OPAQUE_ID.fullmatch(text) is not None


def opaque_id(text: str, champ: str) -> str | None:
    """An id owned by another service (C2), None when empty. Raises FormatInvalide."""
    if not text:
        return None
    if not is_opaque_id(text):
        raise FormatInvalide("1 à 64 lettres, chiffres et signes . _ : | -", champ=champ)
    return text


def email_address(text: str, champ: str) -> str | None:
    """An email address in lower case, None when empty (C10).

    Local parts outside ASCII (RFC 6531) are accepted. An address returned by this function is
    accepted again and stays as it is, so that services may hand addresses to each other. Raises
    FormatInvalide, TropLong.
    """
    if not text:
        return None
    lowered = at_most(text, _LONGEST_EMAIL, champ).lower()
    local, _, domain = lowered.rpartition("@")
    try:
        if _PLAIN_LOCAL.fullmatch(local):
            return f"{local}@{_email_domain(domain)}"
        return validate_email(lowered, check_deliverability=False).normalized
    except EmailNotValidError:
        raise FormatInvalide("adresse e-mail attendue", champ=champ) from None


@lru_cache(maxsize=4096)
def _email_domain(domain: str) -> str:
    """The domain as email-validator normalises it. Remembered: it is most of the work, and domains repeat."""
    return validate_email(f"a@{domain}", check_deliverability=False).domain


def siren_number(text: str, champ: str) -> str:
    """A SIREN without spaces, with a right check digit, not all zeros (C10). Raises FormatInvalide."""
    try:
        number: str = siren.validate(text)
    except ValidationError:
        raise FormatInvalide(champ=champ) from None
    return _of_somebody(number, champ)


def siret_number(text: str, champ: str) -> str | None:
    """A SIRET without spaces, with right check digits, None when empty (C10). Raises FormatInvalide.

    The SIREN at its beginning is not all zeros.
    """
    if not text:
        return None
    try:
        number: str = siret.validate(text)
    except ValidationError:
        raise FormatInvalide(champ=champ) from None
    return _of_somebody(number, champ)


def _of_somebody(number: str, champ: str) -> str:
    # Zeros have a right check digit, and the library does not know which numbers INSEE has given.
    if number.startswith(_NOBODY):
        raise FormatInvalide(champ=champ)
    return number


def vat_number(text: str, of_siren: str | None, champ: str) -> str | None:
    """A VAT number of the European Union, None when empty (C10). Raises FormatInvalide.

    A French number ends in the SIREN of its company, which must be *of_siren*. A company without a
    SIREN has a number of Monaco, which ends in three zeros and six digits of its own. A Greek number
    begins with EL, also when it was typed with the code of the country, GR.
    """
    if not text:
        return None
    try:
        valid: str = vat.validate(text)
    except ValidationError:
        raise FormatInvalide(champ=champ) from None
    if valid.startswith("FR") and not _embeds(valid[4:], of_siren):
        raise FormatInvalide(champ=champ)
    return "EL" + valid[2:] if valid.startswith("GR") else valid


def _embeds(digits: str, of_siren: str | None) -> bool:
    if of_siren is None:
        return digits.startswith(_MONACO) and digits != _NOBODY
    return digits == of_siren


def electronic_address(text: str, of_siren: str, champ: str) -> str | None:
    """An address for electronic invoices, scheme:identifier (EN 16931, BT-34), None when empty.

    In the French directory (scheme 0225) the identifier begins with *of_siren*, the company's own.
    Raises FormatInvalide.
    """
    if not text:
        return None
    found = _ELECTRONIC.fullmatch(text)
    if found is None:
        raise FormatInvalide(champ=champ)
    scheme, identifier = found["scheme"], found["identifier"]
    if scheme == _EMAIL:
        return f"{scheme}:{email_address(identifier, champ)}"
    if scheme == _DIRECTORY:
        ours = bool(of_siren) and identifier.startswith(of_siren)
        if not ours or not _IN_DIRECTORY.fullmatch(identifier):
            raise FormatInvalide(champ=champ)
    return text


def _nowhere(host: str) -> bool:
    return False


def web_address(text: str | None, champ: str, *, plain_at: Callable[[str], bool] = _nowhere) -> str | None:
    """An absolute https address, None when empty; http only at hosts of which *plain_at* is true.

    It has at most 2048 characters, no user name or password, and none of the characters that no
    address has (RFC 3987). Raises FormatInvalide, TropLong.
    """
    if not text:
        return None
    at_most(text, _LONGEST_WEB_ADDRESS, champ)
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port  # reading the port is what finds it malformed
    except ValueError:
        raise FormatInvalide(champ=champ) from None
    allowed = parts.scheme == "https" or (parts.scheme == "http" and plain_at(host))
    sound = _WEB_ADDRESS.fullmatch(text) and text.isprintable() and parts.username is None
    if not (host and allowed and sound):
        raise FormatInvalide("adresse web absolue attendue", champ=champ)
    return text


@contextmanager
def entry(name: str, position: int) -> Iterator[None]:
    """Have refusals of what is checked inside name the entry of the list *name*, counted from 0."""
    try:
        yield
    except Refusal as refusal:
        refusal.metadata.setdefault("entree", f"{name}[{position}]")
        raise
