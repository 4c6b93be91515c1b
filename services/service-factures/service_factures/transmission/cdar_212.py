"""The status 212 Encaissée, which the seller sends for the receipts of an invoice (R40, R41), as a CDAR.

It keeps to the schema D22B and to BR-FR-CDV; `cdar.py` reads what comes back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import QName

from db_utils.clock import PARIS

from service_factures.transmission.cdar import DAY, INSTANT, NAMESPACES, QDT, RAM, RSM, SIREN, UDT

if TYPE_CHECKING:
    from lxml.etree import _Element

ENCAISSEE: Final = "212"
_PROCESS, _GUIDELINE = "REGULATED", "urn.cpro.gouv.fr:1p0:CDV:invoice"
_TREATMENT: Final = "23"  # UNTDID 1001: the phase of treatment, where sellers and buyers speak
_INVOICE: Final = "380"  # UNTDID 1001
_RECEIVED: Final = "MEN"  # montant encaissé, BR-FR-CDV-CL-11
_SELLER, _BUYER = "SE", "BY"  # UNTDID 3035


@dataclass(frozen=True, slots=True)
class MontantEncaisse:
    """What was received at one rate, taxes included; negative for what was taken back."""

    taux: Decimal
    montant: Decimal
    date: date


@dataclass(frozen=True, slots=True)
class Encaissement:
    """A receipt of an invoice: *rang* tells it from the others of the same invoice.

    *adresse_client* is an electronic address, `scheme:identifier`; *siren_client* is "" for a client
    without one.
    """

    numero: str
    rang: int
    date_emission: date
    siren_vendeur: str
    siren_client: str
    adresse_client: str
    emis_le: datetime
    montants: Sequence[MontantEncaisse]

    @property
    def nom(self) -> str:
        """The name of the message, unique among those of its seller."""
        return f"{self.numero}-{ENCAISSEE}-{self.rang}"


def encaissee(of: Encaissement) -> bytes:
    """The CDAR of *of*, with one MEN block for each rate (BR-FR-CDV-14)."""
    from lxml import etree

    root: _Element = etree.Element(_tag(RSM, "CrossDomainAcknowledgementAndResponse"), nsmap=NAMESPACES)
    _context(_under(root, RSM, "ExchangedDocumentContext"))
    _message(_under(root, RSM, "ExchangedDocument"), of)
    _acknowledgement(_under(root, RSM, "AcknowledgementDocument"), of)
    xml = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    assert isinstance(xml, bytes)
    return xml


def _context(parent: "_Element") -> None:
    for name, value in (("BusinessProcess", _PROCESS), ("Guideline", _GUIDELINE)):
        _text(_under(parent, RAM, f"{name}SpecifiedDocumentContextParameter"), "ID", value)


def _message(parent: "_Element", of: Encaissement) -> None:
    _text(parent, "ID", of.nom)
    _instant(parent, of.emis_le)
    _text(_under(parent, RAM, "SenderTradeParty"), "RoleCode", _SELLER)
    _party(parent, "IssuerTradeParty", of.siren_vendeur, _SELLER)
    recipient = _party(parent, "RecipientTradeParty", of.siren_client, _BUYER)
    scheme, _, identifier = of.adresse_client.partition(":")
    _text(_under(recipient, RAM, "URIUniversalCommunication"), "URIID", identifier, schemeID=scheme)


def _acknowledgement(parent: "_Element", of: Encaissement) -> None:
    several = _under(_under(parent, RAM, "MultipleReferencesIndicator"), UDT, "Indicator")
    several.text = "false"
    _text(parent, "TypeCode", _TREATMENT)
    _instant(parent, of.emis_le)
    reference = _under(parent, RAM, "ReferenceReferencedDocument")
    _text(reference, "IssuerAssignedID", of.numero)
    _text(reference, "TypeCode", _INVOICE)
    _dated(_under(reference, RAM, "FormattedIssueDateTime"), QDT, of.date_emission)
    _text(reference, "ProcessConditionCode", ENCAISSEE)
    _party(reference, "IssuerTradeParty", of.siren_vendeur, _SELLER)
    status = _under(reference, RAM, "SpecifiedDocumentStatus")
    _text(status, "SequenceNumeric", "1")
    for part in of.montants:
        _received(_under(status, RAM, "SpecifiedDocumentCharacteristic"), part)


def _received(parent: "_Element", part: MontantEncaisse) -> None:
    _text(parent, "TypeCode", _RECEIVED)
    _text(parent, "ValueAmount", f"{part.montant:.2f}", currencyID="EUR")
    _dated(_under(parent, RAM, "ValueDateTime"), UDT, part.date)
    _text(parent, "ValuePercent", f"{part.taux:.2f}")


def _party(parent: "_Element", name: str, siren: str, role: str) -> "_Element":
    party = _under(parent, RAM, name)
    if siren:
        _text(party, "GlobalID", siren, schemeID=SIREN)
    _text(party, "RoleCode", role)
    return party


def _instant(parent: "_Element", at: datetime) -> None:
    string = _under(_under(parent, RAM, "IssueDateTime"), UDT, "DateTimeString", format=INSTANT)
    string.text = f"{at.astimezone(PARIS):%Y%m%d%H%M%S}"


def _dated(parent: "_Element", namespace: str, day: date) -> None:
    _under(parent, namespace, "DateTimeString", format=DAY).text = f"{day:%Y%m%d}"


def _text(parent: "_Element", name: str, value: str, **attributes: str) -> None:
    _under(parent, RAM, name, **attributes).text = value


def _under(parent: "_Element", namespace: str, name: str, **attributes: str) -> "_Element":
    from lxml import etree

    return etree.SubElement(parent, _tag(namespace, name), attributes)


def _tag(namespace: str, name: str) -> str:
    return QName(namespace, name).text
