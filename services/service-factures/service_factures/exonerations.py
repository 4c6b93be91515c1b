"""Why a line is at 0 %: reasons, their categories in EN 16931 and their conditions (R5)."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Final

from grpc_utils import one_of
from grpc_utils.errors import InvalidArgument

from service_factures.documents.exonerations import MENTIONS
from service_factures.models import BIENS

FRANCHISE_293B, AUTOLIQUIDATION, INTRACOM = "FRANCHISE_293B", "AUTOLIQUIDATION", "INTRACOM"
HORS_CHAMP, EXPORT = "HORS_CHAMP", "EXPORT"
EXONERATION_261C, EXONERATION_261_4 = "EXONERATION_261C", "EXONERATION_261_4"
CATEGORIES: Final[Mapping[str, str]] = {one.motif: one.categorie for one in MENTIONS}
"""The category of lines at 0 % by the reason of their invoice (EN 16931, BT-151)."""

NUMBERED: Final = frozenset({AUTOLIQUIDATION, INTRACOM})
"""Reasons that need the VAT numbers of both parties."""

NORMAL: Final = "S"


class MotifExonerationRequis(InvalidArgument):
    """Une ligne à 0 % demande le motif_exoneration de la facture."""


class HorsChampSeul(InvalidArgument):
    """HORS_CHAMP n'admet aucune ligne taxée."""


class FranchiseAbsente(InvalidArgument):
    """FRANCHISE_293B demande une société en franchise de TVA."""


class IntracomSansBiens(InvalidArgument):
    """INTRACOM demande une livraison de biens : nature_operation BIENS."""


def motif(text: str) -> str | None:
    """A reason, None when empty. Raises ValeurInconnue."""
    return one_of(text, CATEGORIES, "motif_exoneration") if text else None


def categorie(taux: Decimal, motif: str | None) -> str:
    """The category of a line at *taux*, "" for one at 0 % whose reason is unknown."""
    if taux:
        return NORMAL
    return CATEGORIES[motif] if motif else ""


def check(motif: str | None, rates: Collection[Decimal], nature: str, *, franchise: bool) -> None:
    """Refuse lines at these *rates* for which *motif* does not do (R5). Raises InvalidArgument."""
    if motif is None:
        if not all(rates):
            raise MotifExonerationRequis(champ="motif_exoneration")
    elif motif == HORS_CHAMP and any(rates):
        raise HorsChampSeul(champ="motif_exoneration")
    elif motif == FRANCHISE_293B and not franchise:
        raise FranchiseAbsente(champ="motif_exoneration")
    elif motif == INTRACOM and nature != BIENS:
        raise IntracomSansBiens(champ="nature_operation")
