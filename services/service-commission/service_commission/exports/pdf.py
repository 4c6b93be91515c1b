"""The PDF of a bordereau: its head, the account, then the lines."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from db_utils import clock
from pdf_utils import EVERYDAY, WHOLE, Family, amount, close_fonts, day, figure, percent

from service_commission.exports.sheet import MARGIN, WIDTH, Cells, Column, Sheet
from service_commission.exports.values import LigneCommission, LigneReprise, Releve

_FACTS: Final = 150.0  # width of the column of the facts; the account stands beside it
_LABEL: Final = 34.0
_ACCOUNT: Final = 90.0
_FIGURES: Final = 36.0
_COMMISSIONS: Final = (
    Column("Référence", 38),
    Column("Encaissé le", 20),
    Column("Nature", 42),
    Column("Contrat", 62),
    Column("Barème", 45),
    Column("Base HT (€)", 25, "R"),
    Column("Taux", 16, "R"),
    Column("Commission (€)", 25, "R"),
)
_REPRISES: Final = (
    Column("Commission reprise", 38),
    Column("Événement", 20),
    Column("Nature", 42),
    Column("Contrat", 62),
    Column("Motif", 86),
    Column("Reprise (€)", 25, "R"),
)
_IMPUTATIONS: Final = (Column("Libellé", 248), Column("Imputé (€)", 25, "R"))


def pdf(releve: Releve) -> bytes:
    """*releve* as a PDF. Its dates are that of the validation."""
    printed = _printed(releve, EVERYDAY)
    return printed if printed is not None else _printed(releve, WHOLE) or b""


def _printed(releve: Releve, fonts: Family) -> bytes | None:
    """None when signs lack which the whole fonts may have: what cannot be printed then is marked."""
    running = f"Bordereau {releve.reference} – {releve.beneficiaire}"
    sheet = Sheet(f"Bordereau de commissions {releve.reference}", running, releve.valide_le, fonts)
    try:
        _write(sheet, releve)
        return None if sheet.missing and fonts is EVERYDAY else bytes(sheet.output())
    finally:
        close_fonts(sheet)


def _write(sheet: Sheet, releve: Releve) -> None:
    sheet.ink(18, bold=True)
    sheet.text_line("Bordereau de commissions", 9)
    sheet.ink(11)
    sheet.text_line(f"{releve.reference} – période {releve.periode}", 6)
    sheet.ln(3)
    top = sheet.get_y()
    _write_facts(sheet, releve)
    below = sheet.get_y()
    sheet.set_xy(MARGIN + WIDTH - _ACCOUNT, top)
    _write_account(sheet, releve)
    sheet.set_xy(MARGIN, max(below, sheet.get_y()))
    account = releve.decompte
    _section(sheet, "Commissions", _COMMISSIONS, map(_commission, releve.commissions), account.brut)
    _section(sheet, "Reprises", _REPRISES, map(_reprise, releve.reprises), account.reprises)
    imputed = account.total_reports + account.total_acomptes
    rows = ((ligne.libelle, figure(ligne.montant, 2)) for ligne in releve.imputations)
    _section(sheet, "Reports et acomptes imputés", _IMPUTATIONS, rows, imputed)


def _write_facts(sheet: Sheet, releve: Releve) -> None:
    valide = releve.valide_le.astimezone(clock.PARIS)
    for label, value in (
        ("Bénéficiaire", releve.beneficiaire),
        ("Société", releve.societe),
        ("Barèmes", releve.baremes or "aucun"),
        ("Validé le", f"{day(valide.date())} à {valide:%H:%M} (heure de Paris)"),
        ("Validé par", releve.valide_par),
    ):
        sheet.ink(8.5, grey=True)
        sheet.cell(_LABEL, 5, sheet.prepared(f"{label} :"))
        sheet.ink(8.5)
        sheet.text_line(value, 5, _FACTS - _LABEL)
        sheet.set_x(MARGIN)


def _write_account(sheet: Sheet, releve: Releve) -> None:
    for label, montant in releve.totaux:
        sheet.set_x(MARGIN + WIDTH - _ACCOUNT)
        sheet.ink(9, bold=label == "Net à payer")
        sheet.cell(_ACCOUNT - _FIGURES, 5.4, sheet.prepared(label))
        sheet.cell(_FIGURES, 5.4, amount(montant), align="R", new_x="LMARGIN", new_y="NEXT")


def _section(
    sheet: Sheet, title: str, columns: Sequence[Column], rows: Iterable[Cells], total: Decimal
) -> None:
    """Write a table below its title, with its total; nothing where there are no rows."""
    found = list(rows)
    if not found:
        return
    if sheet.will_page_break(22):  # a title stays with what follows it
        sheet.add_page()
    sheet.ln(5)
    sheet.ink(10, bold=True)
    sheet.text_line(f"{title} ({len(found)})", 6)
    sheet.rows(columns, found)
    sheet.ink(8, bold=True)
    sheet.cell(WIDTH - 1.5, 6, f"{sheet.prepared('Total :')} {amount(total)}", align="R")
    sheet.ln(6)


def _commission(ligne: LigneCommission) -> Cells:
    return (
        ligne.reference,
        day(ligne.date_encaissement),
        ligne.nature,
        ligne.contrat,
        ligne.bareme,
        figure(ligne.base_ht, 2),
        "" if ligne.taux is None else percent(ligne.taux),
        figure(ligne.montant, 2),
    )


def _reprise(ligne: LigneReprise) -> Cells:
    return (
        ligne.reference,
        day(ligne.date_evenement),
        ligne.nature,
        ligne.contrat,
        ligne.motif,
        figure(ligne.montant, 2),
    )
