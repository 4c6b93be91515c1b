"""Numbers of banks and mandates (R11, R30): IBAN, BIC, ICS and RUM are checked here and nowhere else.

No refusal repeats a number: a bank account does not belong in answers and logs.
"""

import re
import secrets
import string
from datetime import date
from typing import Final

from grpc_utils import at_most, required
from grpc_utils.errors import FormatInvalide, InvalidArgument
from stdnum import bic as bics
from stdnum import iban as ibans
from stdnum.eu import at_02
from stdnum.exceptions import ValidationError

from service_payments.sepa_texts import LONGEST_ID

# The European Economic Area: the Union of 27, Iceland, Liechtenstein and Norway.
EEA: Final = frozenset(
    {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE"}
    | {"IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK"}
)
# Countries of SEPA outside it (EPC409-09); debits there name the debtor's address (R30).
OUTSIDE_EEA: Final = frozenset(
    {"AD", "AL", "CH", "GB", "GG", "GI", "IM", "JE", "MC", "MD", "ME", "MK", "RS", "SM", "VA"}
)
SEPA: Final = EEA | OUTSIDE_EEA

_ICS: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{3}[A-Z0-9]{1,28}")
_RUM: Final = re.compile(r"[A-Z0-9+?/:().,'-]{1,35}")
_SIGNS: Final = string.ascii_uppercase + string.digits
_OF_RUM: Final = 8  # characters of the société, and random ones


class IbanInvalide(InvalidArgument):
    """L'IBAN est invalide ou n'est pas d'un pays de la zone SEPA."""


class IcsInvalide(InvalidArgument):
    """L'identifiant créancier SEPA (ICS) est invalide : FR, une clé, un code de 3 caractères, un numéro."""


class RumInvalide(InvalidArgument):
    """La RUM compte 1 à 35 signes A-Z, 0-9 et + ? / : ( ) . , ' -, sans / au début ni à la fin, ni //."""


def iban_of(text: str, champ: str = "iban") -> str:
    """Return the IBAN *text* without spaces (R11). Raises ChampRequis, IbanInvalide."""
    try:
        number: str = ibans.validate(required(text, champ))
    except ValidationError:
        raise IbanInvalide(champ=champ) from None
    if number[:2] not in SEPA:
        raise IbanInvalide(champ=champ)
    return number


def bic_of(text: str, champ: str = "bic") -> str | None:
    """Return the BIC *text*, None when empty. Raises FormatInvalide."""
    if not text:
        return None
    try:
        number: str = bics.validate(text)
    except ValidationError:
        raise FormatInvalide("8 ou 11 caractères", champ=champ) from None
    return number


def ics_of(text: str, champ: str = "ics") -> str:
    """Return the creditor identifier *text* without spaces (R11). Raises ChampRequis, IcsInvalide."""
    try:
        number: str = at_02.validate(required(text, champ))
    except ValidationError:
        raise IcsInvalide(champ=champ) from None
    if not _ICS.fullmatch(number):
        raise IcsInvalide(champ=champ)
    return number


def rum_of(text: str, champ: str = "rum") -> str:
    """Return the reference of a mandate that a caller has given (R11). Raises TropLong, RumInvalide."""
    at_most(text, LONGEST_ID, champ)
    if not _RUM.fullmatch(text) or text[0] == "/" or text[-1] == "/" or "//" in text:
        raise RumInvalide(champ=champ)
    return text


def new_rum(societe_id: str, organisation_id: str, day: date) -> str:
    """Make a reference: RUM, the société (else the organisation), the day, eight random signs (R11, R32)."""
    owner = re.sub(r"[^A-Z0-9]", "", (societe_id or organisation_id).upper())[:_OF_RUM].ljust(_OF_RUM, "0")
    return f"RUM{owner}{day:%y%m%d}" + "".join(secrets.choice(_SIGNS) for _ in range(_OF_RUM))


def masked(iban: str) -> str:
    """Return what people may see of an IBAN: its first four and its last four characters."""
    return f"{iban[:4]}****{iban[-4:]}"


def needs_address(iban: str) -> bool:
    """Tell whether a debit of this account must name the debtor's address (R30)."""
    return iban[:2] in OUTSIDE_EEA
