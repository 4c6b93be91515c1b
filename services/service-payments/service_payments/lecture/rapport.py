"""The bytes of a report: refused when they are none, else read by the kind of their message (R23)."""

from typing import Final

from grpc_utils.errors import InvalidArgument

from service_payments.lecture import camt, pain002
from service_payments.lecture.lignes import Rapport
from service_payments.lecture.xml import Element, NotXml, day, parsed

LARGEST_REPORT: Final = 20 * 1024 * 1024

_FORMATS: Final = {
    "CstmrPmtStsRpt": ("pain.002", pain002.outcomes),
    "BkToCstmrStmt": ("camt.053", camt.outcomes),
    "BkToCstmrDbtCdtNtfctn": ("camt.054", camt.outcomes),
}


class RapportIllisible(InvalidArgument):
    """Ce fichier n'est pas un rapport bancaire pain.002, camt.053 ou camt.054 sans DOCTYPE."""


class RapportTropGrand(InvalidArgument):
    """Un rapport bancaire ne doit pas dépasser 20 Mio."""


def read_report(content: bytes) -> Rapport:
    """Read *content*. Raises RapportIllisible, RapportTropGrand."""
    if len(content) > LARGEST_REPORT:
        raise RapportTropGrand
    try:
        root = parsed(content)
    except NotXml as error:
        raise RapportIllisible from error
    message = _message(root)
    name, outcomes = _FORMATS[str(message.tag)]
    lines = list(outcomes(message))
    known = [line for line in lines if line is not None]
    made = day(message, "GrpHdr/CreDtTm")
    return Rapport(name, made, known, len(lines), len(lines) - len(known))


def _message(root: Element) -> Element:
    """Find the message in its Document, whatever envelope a bank puts around it."""
    places: tuple[Element, ...] = (root, *root, *root.iterfind("*/*"))
    for candidate in places:
        if candidate.tag in _FORMATS:
            return candidate
    raise RapportIllisible
