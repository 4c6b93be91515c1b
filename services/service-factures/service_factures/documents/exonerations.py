"""Why a line bears no VAT: the values that the table `mention_legale` begins with (R5, R27)."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from service_factures.documents.values import FRANCE, Categorie, Exoneration

# Mentions may cite the CGI until then (ordonnance 2025-1247, which moved VAT to the CIBS).
_END: Final = date(2027, 12, 31)
_REVERSE_CHARGE_IN_FRANCE: Final = "VATEX-FR-AE"
_REVERSE_CHARGE_ABROAD: Final = "VATEX-EU-AE"


@dataclass(frozen=True, slots=True, kw_only=True)
class MentionLegale:
    """A row of `mention_legale`."""

    motif: str
    categorie: Categorie
    vatex: str
    texte: str
    reference: str
    valable_du: date = date(2000, 1, 1)
    valable_au: date | None = _END


MENTIONS: Final = (
    MentionLegale(
        motif="FRANCHISE_293B",
        categorie="E",
        vatex="VATEX-FR-FRANCHISE",
        texte="TVA non applicable, art. 293 B du CGI",
        reference="CGI, art. 293 B",
    ),
    MentionLegale(
        motif="EXONERATION_261C",
        categorie="E",
        vatex="VATEX-FR-CGI261C-2",
        texte="Exonération de TVA, art. 261 C, 2° du CGI",
        reference="CGI, art. 261 C, 2°",
    ),
    MentionLegale(
        motif="EXONERATION_261_4",
        categorie="E",
        vatex="VATEX-FR-CGI261-4",
        texte="Exonération de TVA, art. 261, 4-1° du CGI",
        reference="CGI, art. 261, 4-1°",
    ),
    MentionLegale(
        motif="AUTOLIQUIDATION",
        categorie="AE",
        vatex=_REVERSE_CHARGE_IN_FRANCE,
        texte="Autoliquidation",
        reference="CGI, art. 283-2",
    ),
    MentionLegale(
        motif="INTRACOM",
        categorie="K",
        vatex="VATEX-EU-IC",
        texte="Exonération de TVA, art. 262 ter, I du CGI",
        reference="CGI, art. 262 ter, I",
    ),
    MentionLegale(
        motif="EXPORT",
        categorie="G",
        vatex="VATEX-EU-G",
        texte="Exonération de TVA, art. 262, I du CGI",
        reference="CGI, art. 262, I",
    ),
    MentionLegale(
        motif="HORS_CHAMP",
        categorie="O",
        vatex="VATEX-EU-O",
        texte="TVA non applicable, opération hors du champ d'application",
        reference="CGI, art. 256",
    ),
)


def vatex(exoneration: Exoneration, pays_client: str) -> str:
    """BT-121: the reverse charge has one code for buyers in France and one for all others."""
    if exoneration.vatex == _REVERSE_CHARGE_IN_FRANCE and pays_client not in FRANCE:
        return _REVERSE_CHARGE_ABROAD
    return exoneration.vatex
