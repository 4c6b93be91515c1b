"""The XLSX of a bordereau: sheets Total, Lineaire and Reprises, with values and no formula."""

import io
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from db_utils import clock
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from service_commission.exports.values import Releve

_MONEY: Final = "#,##0.00"
_DAY: Final = "DD/MM/YYYY"
_BOLD: Final = Font(bold=True)
_LINEAIRE: Final = (
    ("Référence", 22),
    ("Encaissé le", 13),
    ("Nature", 24),
    ("Contrat", 40),
    ("Barème", 24),
    ("Base HT", 14),
    ("Taux (%)", 10),
    ("Commission", 14),
)
_REPRISES: Final = (
    ("Commission reprise", 22),
    ("Événement du", 13),
    ("Nature", 24),
    ("Contrat", 40),
    ("Motif", 48),
    ("Reprise", 14),
)

Value = str | Decimal | date | None


def xlsx(releve: Releve) -> bytes:
    """*releve* as a workbook; its dates are that of the validation."""
    book = Workbook(write_only=True)
    book.properties.created = releve.valide_le.astimezone(UTC).replace(tzinfo=None)
    book.properties.creator = "CRM commission"
    book.properties.title = f"Bordereau de commissions {releve.reference}"
    _sheet(book, "Total", (("Bordereau de commissions", 34), ("", 60)), _total(releve))
    commissions = (
        (
            one.reference,
            one.date_encaissement,
            one.nature,
            one.contrat,
            one.bareme,
            one.base_ht,
            one.taux,
            one.montant,
        )
        for one in releve.commissions
    )
    _sheet(book, "Lineaire", _LINEAIRE, commissions)
    reprises = (
        (one.reference, one.date_evenement, one.nature, one.contrat, one.motif, one.montant)
        for one in releve.reprises
    )
    _sheet(book, "Reprises", _REPRISES, reprises)
    written = io.BytesIO()
    book.save(written)
    return _reproducible(written, releve.valide_le)


def _total(releve: Releve) -> Iterable[Sequence[Value]]:
    valide = releve.valide_le.astimezone(clock.PARIS)
    yield "Référence", releve.reference
    yield "Période", releve.periode
    yield "Bénéficiaire", releve.beneficiaire
    yield "Société", releve.societe
    yield "Barèmes", releve.baremes or "aucun"
    yield "Validé le (heure de Paris)", f"{valide:%d/%m/%Y %H:%M}"
    yield "Validé par", releve.valide_par
    yield from releve.totaux
    for one in releve.imputations:
        yield one.libelle, one.montant


def _sheet(
    book: Workbook, title: str, headings: Sequence[tuple[str, int]], rows: Iterable[Sequence[Value]]
) -> None:
    sheet = book.create_sheet(title)
    for place, (_, width) in enumerate(headings, 1):
        sheet.column_dimensions[get_column_letter(place)].width = width
    sheet.freeze_panes = "A2"
    sheet.append([_cell(sheet, heading, bold=True) for heading, _ in headings])
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])


def _cell(sheet: Any, value: Value, *, bold: bool = False) -> Any:
    stored: Any = None if value == "" else value  # its types know neither decimals nor days
    cell = WriteOnlyCell(sheet, stored)
    if isinstance(stored, str):
        cell.data_type = "s"  # openpyxl takes a text that begins with = for a formula, and #N/A for an error
    elif isinstance(stored, Decimal):
        cell.number_format = _MONEY
    elif isinstance(stored, date):
        cell.number_format = _DAY
    if bold:
        cell.font = _BOLD
    return cell


def _reproducible(written: io.BytesIO, made: datetime) -> bytes:
    """The workbook *written* with *made* wherever openpyxl 3.1.5 writes the time of the clock."""
    moment = made.astimezone(UTC)
    repacked = io.BytesIO()
    with ZipFile(written) as source, ZipFile(repacked, "w", ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "docProps/core.xml":
                content = _dated(content, moment)
            target.writestr(ZipInfo(name, moment.timetuple()[:6]), content, ZIP_DEFLATED)
    return repacked.getvalue()


def _dated(core: bytes, moment: datetime) -> bytes:
    head, tag, rest = core.partition(b"<dcterms:modified")
    attributes, _, after = rest.partition(b">")
    _, end, tail = after.partition(b"</dcterms:modified>")
    assert end, "openpyxl says when a workbook was changed"
    return head + tag + attributes + b">" + f"{moment:%Y-%m-%dT%H:%M:%SZ}".encode() + end + tail
