"""Writer of pain.008.001.08, the file of direct debits that a bank collects (R17, R29, R30).

Pure: the same values give the same bytes. `psp.py` is the port in front of it.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import Any, Final, cast

import sepaxml
from db_utils.clock import PARIS
from lxml import etree
from lxml.builder import ElementMaker

from service_payments.sepa_texts import (
    LONGEST_LABEL,
    LONGEST_NAME,
    LONGEST_POSTCODE,
    LONGEST_TOWN,
    sepa_text,
)

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.008.001.08"
SMALLEST, LARGEST = Decimal("0.01"), Decimal("999999999.99")  # of one debit (EPC130-08 AT-06)

# Elements without a namespace: they stand in that of the Document around them, and none repeats it.
_E: Final[Any] = ElementMaker()
_XSD: Final = Path(sepaxml.__file__).parent / "schemas" / "pain.008.001.08.xsd"


class FichierInvalide(Exception):
    """A file that the schema refuses: a bug of the writer, which the bank must never see."""


@dataclass(frozen=True, slots=True)
class Beneficiaire:
    """Who collects: the creditor of a société with its account in clear."""

    nom: str
    ics: str
    iban: str
    bic: str | None = None


@dataclass(frozen=True, slots=True)
class Adresse:
    """Structured address of a debtor."""

    rue: str
    code_postal: str
    ville: str
    pays: str


@dataclass(frozen=True, slots=True)
class Debit:
    """One debit with the account in clear; *adresse* only where R30 wants one."""

    end_to_end_id: str
    montant: Decimal
    date_prelevement: date
    sequence: str
    rum: str
    date_signature: date
    nom: str
    iban: str
    bic: str | None
    libelle: str
    adresse: Adresse | None = None


@dataclass(frozen=True, slots=True)
class Lot:
    """A PmtInf: the debits of one day and one sequence."""

    pmt_inf_id: str
    date_prelevement: date
    sequence: str
    debits: tuple[Debit, ...]


@dataclass(frozen=True, slots=True)
class Fichier:
    """A file for the bank, with what the payments keep of it."""

    msg_id: str
    content: bytes
    lots: tuple[Lot, ...]

    @property
    def sha256(self) -> str:
        """Hash of the content in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def nb(self) -> int:
        """Number of debits."""
        return sum(len(lot.debits) for lot in self.lots)

    @property
    def total(self) -> Decimal:
        """Sum of the debits."""
        return sum((_total(lot.debits) for lot in self.lots), Decimal(0))


def lots_of(msg_id: str, debits: Sequence[Debit]) -> tuple[Lot, ...]:
    """Group *debits* by day and sequence; their order in the file depends on their values alone (R17)."""
    ordered = sorted(debits, key=lambda debit: (*_lot_key(debit), debit.end_to_end_id))
    return tuple(
        Lot(f"{msg_id}-{rank:03d}", day, sequence, tuple(members))
        for rank, ((day, sequence), members) in enumerate(groupby(ordered, _lot_key), 1)
    )


def write(
    msg_id: str, created: datetime, schema: str, beneficiaire: Beneficiaire, debits: Sequence[Debit]
) -> Fichier:
    """Write the file of *debits*, checked against the schema of ISO 20022. Raises FichierInvalide.

    Ten thousand debits are never a tree in memory: that would be 6 kB each, here it is 0.5 kB.
    """
    lots, out = lots_of(msg_id, debits), BytesIO()
    with etree.xmlfile(out, encoding="UTF-8") as xml:
        xml.write_declaration()
        with xml.element("Document", xmlns=NAMESPACE), xml.element("CstmrDrctDbtInitn"):
            xml.write(_header(msg_id, created, beneficiaire, debits))
            for lot in lots:
                with xml.element("PmtInf"):
                    xml.write(*_lot_head(lot, schema, beneficiaire))
                    for debit in lot.debits:
                        xml.write(_transaction(debit))
    content = out.getvalue()
    _check(content)
    return Fichier(msg_id, content, lots)


def _check(content: bytes) -> None:
    """Refuse what does not follow the schema; the error repeats no value of the file (it holds IBANs)."""
    debits = etree.iterparse(BytesIO(content), schema=_schema(), tag=f"{{{NAMESPACE}}}DrctDbtTxInf")
    try:
        for _, debit in debits:
            debit.clear()
    except etree.XMLSyntaxError as error:
        kinds = sorted({entry.type_name for entry in cast("Any", error.error_log)})
        raise FichierInvalide(f"not a pain.008.001.08: {', '.join(kinds)}") from None


@cache
def _schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(_XSD))


def _lot_key(debit: Debit) -> tuple[date, str]:
    return debit.date_prelevement, debit.sequence


def _total(debits: Sequence[Debit]) -> Decimal:
    return sum((debit.montant for debit in debits), Decimal(0))


def _sums(debits: Sequence[Debit]) -> tuple[Any, Any]:
    return _E.NbOfTxs(str(len(debits))), _E.CtrlSum(f"{_total(debits):.2f}")


def _name(text: str) -> Any:
    return _E.Nm(sepa_text(text, LONGEST_NAME))


def _header(msg_id: str, created: datetime, beneficiaire: Beneficiaire, debits: Sequence[Debit]) -> Any:
    return _E.GrpHdr(
        _E.MsgId(msg_id),
        _E.CreDtTm(f"{created.astimezone(PARIS):%Y-%m-%dT%H:%M:%S}"),
        *_sums(debits),
        _E.InitgPty(_name(beneficiaire.nom), _E.Id(_E.OrgId(_E.Othr(_E.Id(beneficiaire.ics))))),
    )


def _lot_head(lot: Lot, schema: str, beneficiaire: Beneficiaire) -> tuple[Any, ...]:
    return (
        _E.PmtInfId(lot.pmt_inf_id),
        _E.PmtMtd("DD"),
        _E.BtchBookg("true"),
        *_sums(lot.debits),
        _E.PmtTpInf(_E.SvcLvl(_E.Cd("SEPA")), _E.LclInstrm(_E.Cd(schema)), _E.SeqTp(lot.sequence)),
        _E.ReqdColltnDt(lot.date_prelevement.isoformat()),
        _E.Cdtr(_name(beneficiaire.nom)),
        _E.CdtrAcct(_E.Id(_E.IBAN(beneficiaire.iban))),
        _E.CdtrAgt(_agent(beneficiaire.bic)),
        _E.ChrgBr("SLEV"),
        _E.CdtrSchmeId(_E.Id(_E.PrvtId(_E.Othr(_E.Id(beneficiaire.ics), _E.SchmeNm(_E.Prtry("SEPA")))))),
    )


def _transaction(debit: Debit) -> Any:
    return _E.DrctDbtTxInf(
        _E.PmtId(_E.EndToEndId(debit.end_to_end_id)),
        _E.InstdAmt(f"{debit.montant:.2f}", Ccy="EUR"),
        _E.DrctDbtTx(_E.MndtRltdInf(_E.MndtId(debit.rum), _E.DtOfSgntr(debit.date_signature.isoformat()))),
        _E.DbtrAgt(_agent(debit.bic)),
        _E.Dbtr(_name(debit.nom), *_address(debit.adresse)),
        _E.DbtrAcct(_E.Id(_E.IBAN(debit.iban))),
        _E.RmtInf(_E.Ustrd(sepa_text(debit.libelle, LONGEST_LABEL) or f"Prelevement {debit.rum}")),
    )


def _agent(bic: str | None) -> Any:
    return _E.FinInstnId(_E.BICFI(bic) if bic else _E.Othr(_E.Id("NOTPROVIDED")))


def _address(adresse: Adresse | None) -> Iterator[Any]:
    if adresse is None:
        return
    told = (
        (_E.StrtNm, sepa_text(adresse.rue, LONGEST_NAME)),
        (_E.PstCd, sepa_text(adresse.code_postal, LONGEST_POSTCODE)),
        (_E.TwnNm, sepa_text(adresse.ville, LONGEST_TOWN)),
        (_E.Ctry, adresse.pays),
    )
    yield _E.PstlAdr(*(make(text) for make, text in told if text))
