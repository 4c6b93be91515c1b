"""The table of a document's lines: as wide columns as the figures need, the rest for the text."""

from typing import Final

from fpdf.fonts import FontFace
from pdf_utils import figure, percent

from service_factures.documents.sheet import FAMILY, LEFT, WIDTH, Sheet
from service_factures.documents.values import Document, Ligne

_SIZE: Final = 8.0
_PADDING: Final = 1.5
_WIDEST_UNIT: Final = 26.0
_MOST_LINES: Final = 12  # a description of more line ends is set as one paragraph
_HEADINGS: Final = ("Description", "Quantité", "Unité", "P.U. HT (€)", "Remise", "TVA", "Total HT (€)")
_RIGHT: Final = {"Quantité", "P.U. HT (€)", "Remise", "TVA", "Total HT (€)"}


def write_lines(sheet: Sheet, document: Document) -> None:
    """Write all lines; the headings come again on each page, and no line is cut by the end of one."""
    shown = _columns(document)
    rows = [[_cells(ligne)[column] for column in shown] for ligne in document.lignes]
    headings = [_HEADINGS[column] for column in shown]
    sheet.ink(_SIZE)
    sheet.set_draw_color(205, 205, 205)
    style = FontFace(emphasis="BOLD", color=sheet.on_couleur, fill_color=sheet.couleur)
    sheet.set_x(LEFT)
    with sheet.table(
        width=WIDTH,
        col_widths=_widths(sheet, [headings, *rows]),
        text_align=tuple("RIGHT" if heading in _RIGHT else "LEFT" for heading in headings),
        headings_style=style,
        line_height=4.2,
        padding=(1.1, _PADDING),
        v_align="TOP",
        borders_layout="HORIZONTAL_LINES",
        repeat_headings=1,
    ) as table:
        for cells in [headings, *rows]:
            row = table.row()
            for cell in cells:
                row.cell(sheet.prepared(cell))


def _columns(document: Document) -> list[int]:
    discounts = any(ligne.remise_pct for ligne in document.lignes)
    return [column for column, heading in enumerate(_HEADINGS) if discounts or heading != "Remise"]


def _cells(ligne: Ligne) -> tuple[str, ...]:
    text = ligne.description
    return (
        text if text.count("\n") < _MOST_LINES else " ".join(text.split()),
        figure(ligne.quantite, 0),
        ligne.unite,
        figure(ligne.prix_unitaire, 2),
        percent(ligne.remise_pct) if ligne.remise_pct else "",
        "–" if ligne.categorie_tva == "O" else percent(ligne.taux_tva),
        figure(ligne.montant_ht, 2),
    )


def _widths(sheet: Sheet, rows: list[list[str]]) -> tuple[float, ...]:
    sheet.set_font(FAMILY, style="B", size=_SIZE)
    found = []
    for column, texts in enumerate(zip(*rows, strict=True)):
        if column:
            widest = max(sheet.get_string_width(text) for text in texts) + 2 * _PADDING + 1
            found.append(min(widest, _WIDEST_UNIT) if texts[0] == "Unité" else widest)
    sheet.set_font(FAMILY, size=_SIZE)
    return (WIDTH - sum(found), *found)
