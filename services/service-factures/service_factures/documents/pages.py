"""What stands on the pages of a document, from the logo to the last mention (R13, R14, R21)."""

import io
from pathlib import Path
from typing import Final

from pdf_utils import EVERYDAY, NO_BREAK, WHOLE, Family, amount, close_fonts, day, percent

from service_factures.documents import mentions
from service_factures.documents.line_table import write_lines
from service_factures.documents.sheet import INK, LEFT, WIDTH, Sheet
from service_factures.documents.values import AVOIR, Adresse, Client, Document, Vendeur

_RIGHT: Final = 112.0  # where the column of the buyer begins, which a window envelope shows
_COLUMN: Final = LEFT + WIDTH - _RIGHT
_LOGO: Final = (60.0, 26.0)
_TOTALS: Final = (80.0, 6.0)  # width and height of a row of the totals
_FIGURES: Final = 40.0  # width of the figures in it
_GAP: Final = 2.0  # between figures of neighbouring columns, and beside those of the totals
_LONGEST_FOOTER: Final = 300  # characters of footer_text that stand on each page; more go to the end


def pages(document: Document, fallback_font: Path | None = None) -> tuple[bytes, tuple[str, ...]]:
    """*document* as PDF/A-3 without its XML, and the signs that could not be printed (R29)."""
    pdf, missing = _printed(document, EVERYDAY, fallback_font)
    if missing:
        return _printed(document, WHOLE, fallback_font)
    return pdf, missing


def _printed(document: Document, fonts: Family, fallback_font: Path | None) -> tuple[bytes, tuple[str, ...]]:
    sheet = Sheet(document.vendeur.couleur, fonts, fallback_font)
    try:
        _write(sheet, document)
        # Signs that the everyday fonts lack: it will be printed anew, with the whole ones.
        pdf = b"" if sheet.missing and fonts is EVERYDAY else bytes(sheet.output())
    finally:
        close_fonts(sheet)
    return pdf, tuple(sheet.missing)


def _write(sheet: Sheet, document: Document) -> None:
    kind = "Avoir" if document.type == AVOIR else "Facture"
    sheet.running = f"{kind} {document.numero}"
    footer = document.vendeur.footer_text
    short = len(footer) <= _LONGEST_FOOTER
    sheet.set_lang("fr-FR")
    sheet.add_page()
    sheet.set_foot([_imprint(document.vendeur), footer if short else ""])
    _write_top(sheet, document)
    _write_parties(sheet, document)
    _write_subject(sheet, document)
    write_lines(sheet, document)
    _write_totals(sheet, document)
    _write_end(sheet, document, "" if short else footer)


def _imprint(vendeur: Vendeur) -> str:
    parts = (vendeur.nom, *mentions.company(vendeur), ", ".join(_postal(vendeur.adresse)), *_numbers(vendeur))
    whole = (part.replace(": ", f":{NO_BREAK}") for part in parts if part)
    return " – ".join(whole)


def _numbers(party: Vendeur | Client) -> list[str]:
    siret = f"SIRET : {party.siret}" if party.siret else ""
    siren = f"SIREN : {party.siren}" if party.siren else ""
    vat = f"N° TVA : {party.tva_intracom}" if party.tva_intracom else ""
    return [text for text in (siren, siret, vat) if text]


def _postal(adresse: Adresse) -> list[str]:
    town = f"{adresse.code_postal} {adresse.ville}".strip()
    country = "" if adresse.pays == "FR" else _country(adresse.pays)
    return [text for text in (adresse.ligne1, adresse.ligne2, town, country) if text]


def _country(code: str) -> str:
    from babel import Locale

    return str(Locale("fr").territories.get(code, code)).upper()


def _write_top(sheet: Sheet, document: Document) -> None:
    vendeur = document.vendeur
    sheet.set_xy(LEFT, 15)
    if vendeur.logo:
        sheet.image(io.BytesIO(vendeur.logo), LEFT, 15, *_LOGO, keep_aspect_ratio=True)
        sheet.set_xy(LEFT, 15 + _LOGO[1] + 2)
    if vendeur.header_text:
        sheet.grey(8)
        sheet.block(vendeur.header_text, 85, 3.8)
    below = sheet.get_y()
    sheet.set_xy(_RIGHT, 15)
    sheet.ink(20, bold=True, colour=sheet.accent)
    sheet.block(document.type, _COLUMN, 9)
    sheet.ink(11, bold=True)
    sheet.block(f"N° {document.numero}", _COLUMN, 6)
    for label, value in _facts(document):
        _fact(sheet, label, value)
    sheet.set_y(max(below, sheet.get_y()) + 6)


def _facts(document: Document) -> list[tuple[str, str]]:
    due = document.date_echeance
    facts = [
        ("Date d'émission", day(document.date_emission)),
        ("Date de la prestation", day(document.date_prestation)),
        ("Date d'échéance", day(due) if due and document.type != AVOIR else ""),
        ("Référence commande", document.reference_commande),
    ]
    return [fact for fact in facts if fact[1]]


def _fact(sheet: Sheet, label: str, value: str) -> None:
    sheet.set_x(_RIGHT)
    sheet.grey(8.5)
    sheet.cell(40, 4.8, sheet.prepared(f"{label} :"))
    sheet.ink(8.5)
    sheet.block(value, _COLUMN - 40, 4.8)


def _write_parties(sheet: Sheet, document: Document) -> None:
    top = sheet.get_y()
    vendeur, client = document.vendeur, document.client
    contact = [text for text in (vendeur.telephone, vendeur.email) if text]
    described = [*mentions.company(vendeur), *_postal(vendeur.adresse), *_numbers(vendeur), *contact]
    _party(sheet, (LEFT, top, 85), "Vendeur", vendeur.nom, described)
    seller_end = sheet.get_y()
    numbers = _numbers(client) if client.professionnel else []
    _party(sheet, (_RIGHT, top, _COLUMN), "Client", client.nom, [*_postal(client.adresse), *numbers])
    if document.livraison and document.livraison != client.adresse:
        place = (_RIGHT, sheet.get_y() + 3, _COLUMN)
        _party(sheet, place, "Adresse de livraison", "", _postal(document.livraison))
    sheet.set_xy(LEFT, max(seller_end, sheet.get_y()) + 6)


def _party(sheet: Sheet, place: tuple[float, float, float], label: str, name: str, lines: list[str]) -> None:
    left, top, width = place
    sheet.set_xy(left, top)
    sheet.grey(7.5)
    sheet.block(label, width, 4)
    if name:
        sheet.ink(10, bold=True)
        sheet.block(name, width, 5)
    sheet.ink(8.5)
    for line in filter(None, lines):
        sheet.block(line, width, 4.2)


def _write_subject(sheet: Sheet, document: Document) -> None:
    sheet.ink(8.5)
    sheet.block(f"Catégorie de l'opération : {mentions.operation(document)}")
    correction = mentions.correction(document)
    if correction:
        sheet.ink(9.5, bold=True)
        sheet.block(correction, height=5.5)
    if document.motif_avoir:
        sheet.ink(8.5)
        sheet.block(f"Motif : {document.motif_avoir}")
    sheet.ln(3)


def _write_totals(sheet: Sheet, document: Document) -> None:
    width, height = _TOTALS
    rows = len(document.ventilation_tva) + 1
    needed = max(rows * 5, 4 * height) + 8
    if sheet.will_page_break(needed):
        sheet.add_page()
    sheet.ln(5)
    top = sheet.get_y()
    _write_tva(sheet, document)
    bottom = sheet.get_y()
    net = "Net à votre crédit" if document.type == AVOIR else "Net à payer"
    totals = (
        ("Total HT", document.montant_ht, False),
        ("Total TVA", document.montant_tva, False),
        ("Total TTC", document.montant_ttc, False),
        (net, document.montant_ttc, True),
    )
    sheet.set_y(top)
    for label, value, last in totals:
        sheet.set_fill_color(*sheet.couleur)
        sheet.set_x(LEFT + WIDTH - width)
        sheet.cell(width, height, fill=last)
        sheet.ink(10 if last else 9, bold=last, colour=sheet.on_couleur if last else INK)
        sheet.set_x(LEFT + WIDTH - width + _GAP)
        sheet.cell(width - 2 * _GAP - _FIGURES, height, label)
        sheet.cell(_FIGURES, height, amount(value), align="R", new_x="LMARGIN", new_y="NEXT")
    sheet.set_y(max(bottom, sheet.get_y()) + 5)


def _write_tva(sheet: Sheet, document: Document) -> None:
    rows = [
        (
            "hors champ" if row.categorie == "O" else percent(row.taux),
            amount(row.base_ht),
            amount(row.montant_tva),
        )
        for row in document.ventilation_tva
    ]
    sheet.ink(8.5)
    widest = max(sheet.get_string_width(text) for row in rows for text in row[1:])
    columns = (22, *[max(33, widest + _GAP)] * 2)
    sheet.grey(8)
    for width, label in zip(columns, ("Taux de TVA", "Base HT", "Montant TVA"), strict=True):
        sheet.cell(width, 5, label, align="R", border="B")
    sheet.ln(5)
    sheet.ink(8.5)
    for row in rows:
        for width, text in zip(columns, row, strict=True):
            sheet.cell(width, 5, text, align="R")
        sheet.ln(5)


def _write_end(sheet: Sheet, document: Document, long_footer: str) -> None:
    for title, lines in (
        ("Règlement", mentions.payment(document)),
        ("Mentions légales", mentions.legal(document)),
        ("Notes", [document.notes, document.mentions_libres, long_footer]),
    ):
        shown = [line for line in lines if line]
        if not shown:
            continue
        if sheet.will_page_break(12):  # a title stays with what follows it
            sheet.add_page()
        sheet.ink(8.5, bold=True, colour=sheet.accent)
        sheet.block(title, height=5)
        sheet.ink(8)
        for line in shown:
            sheet.block(line, height=4)
        sheet.ln(2)
