"""Status messages of invoices (CDAR of UN/CEFACT D22B, profile CDV of the French reform), as they are read.

Platforms send them; what they hold is not trusted. Those that we send are made in `cdar_212.py`.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import QName

from db_utils.clock import PARIS, midnight

from service_factures.transmission.statuts import LONGEST_MOTIF, LONGEST_TEXTE, PLATEFORME, Statut

if TYPE_CHECKING:
    from lxml.etree import _Element

_NAMES: Final = "urn:un:unece:uncefact:data:standard:{}:100".format
RSM: Final = _NAMES("CrossDomainAcknowledgementAndResponse")
RAM: Final = _NAMES("ReusableAggregateBusinessInformationEntity")
QDT: Final = _NAMES("QualifiedDataType")
UDT: Final = _NAMES("UnqualifiedDataType")
NAMESPACES: Final = {"rsm": RSM, "ram": RAM, "qdt": QDT, "udt": UDT}
SIREN: Final = "0002"  # ISO 6523
INSTANT: Final = "204"  # UNTDID 2379, CCYYMMDDHHMMSS
DAY: Final = "102"  # UNTDID 2379, CCYYMMDD
_ROOT: Final = QName(RSM, "CrossDomainAcknowledgementAndResponse").text
_CODE: Final = re.compile(r"[0-9]{1,3}")
_LONGEST_NUMBER: Final = 100


class CdarIllisible(Exception):
    """A message that is no CDAR, or says of which invoice or of which status nothing; *cause* has no data."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class StatutRecu:
    """What a CDAR says of one invoice; *siren* is its seller's, "" where the message has none."""

    numero: str
    siren: str
    statut: Statut


def statuts(xml: bytes) -> tuple[StatutRecu, ...]:
    """The statuses of a CDAR, one for each invoice that it names. Raises CdarIllisible."""
    root = _parsed(xml)
    found = tuple(
        _statut(document, reference)
        for document in root.iterfind("rsm:AcknowledgementDocument", NAMESPACES)
        for reference in document.iterfind("ram:ReferenceReferencedDocument", NAMESPACES)
    )
    if not found:
        raise CdarIllisible("no invoice is named")
    return found


def _parsed(xml: bytes) -> "_Element":
    """The root of *xml*: no DOCTYPE, no network, no tree that libxml2 calls huge. Raises CdarIllisible."""
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(xml, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise CdarIllisible("no well-formed XML") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise CdarIllisible("a DOCTYPE")
    if root.tag != _ROOT:
        raise CdarIllisible("another message")
    return root


def _statut(document: "_Element", reference: "_Element") -> StatutRecu:
    numero = _text(reference, "ram:IssuerAssignedID")
    code = _text(reference, "ram:ProcessConditionCode")
    if not numero or len(numero) > _LONGEST_NUMBER:
        raise CdarIllisible("no number of an invoice")
    if not _CODE.fullmatch(code):
        raise CdarIllisible("no code of a status")
    status = "ram:SpecifiedDocumentStatus"
    return StatutRecu(
        numero=numero,
        siren=_text(reference, f"ram:IssuerTradeParty/ram:GlobalID[@schemeID='{SIREN}']"),
        statut=Statut(
            code=int(code),
            date=_date(document),
            origine=PLATEFORME,
            motif_code=_text(reference, f"{status}/ram:ReasonCode")[:LONGEST_MOTIF],
            texte=_text(reference, f"{status}/ram:Reason")[:LONGEST_TEXTE],
        ),
    )


def _date(document: "_Element") -> datetime:
    """When the status was given; local time is that of Paris. Raises CdarIllisible."""
    of = document.find("ram:IssueDateTime/udt:DateTimeString", NAMESPACES)
    value = "" if of is None else (of.text or "").strip()
    kind = "" if of is None else of.get("format", "")
    try:
        if kind == INSTANT and len(value) == 14 and value.isascii():
            return datetime.strptime(value, "%Y%m%d%H%M%S").replace(tzinfo=PARIS)
        if kind == DAY and len(value) == 8 and value.isascii():
            return midnight(date.fromisoformat(value))
    except ValueError:
        pass  # refused below, like other forms
    raise CdarIllisible("no date of a status")


def _text(parent: "_Element", path: str) -> str:
    """The printable text at *path*, "" where there is none."""
    told = parent.findtext(path, "", NAMESPACES) or ""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in told).split())
