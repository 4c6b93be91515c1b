"""Why a product bears no TVA: the codes that invoices know, and when a product may have one (R19)."""

from decimal import Decimal

from grpc_utils import one_of
from grpc_utils.errors import InvalidArgument

# One for each reason of EN 16931 that an invoice can name (BT-121, list VATEX of the CEF) in France.
MOTIFS = (
    "FRANCHISE_293B",  # VATEX-FR-FRANCHISE: CGI, article 293 B
    "EXONERATION_261C",  # VATEX-FR-CGI261C-2: insurance, CGI, article 261 C, 2°
    "EXONERATION_261_4",  # VATEX-FR-CGI261-4: health, CGI, article 261, 4-1°
    "AUTOLIQUIDATION",  # VATEX-FR-AE (CGI, article 283-2) or VATEX-EU-AE
    "INTRACOM",  # VATEX-EU-IC: CGI, article 262 ter, I
    "EXPORT",  # VATEX-EU-G: CGI, article 262, I
    "HORS_CHAMP",  # VATEX-EU-O: out of scope
)


class MotifSansExoneration(InvalidArgument):
    """Un motif d'exonération n'est possible qu'avec un taux de TVA de 0 %."""


def check(motif: str | None, taux_tva: Decimal) -> None:
    """Refuse an unknown *motif*, and one beside a rate above 0 (R19).

    Raises ValeurInconnue, MotifSansExoneration.
    """
    if motif is None:
        return
    one_of(motif, MOTIFS, "motif_exoneration")
    if taux_tva:
        raise MotifSansExoneration(champ="motif_exoneration")
