"""What is owed on an invoice, and the statut that follows from it, as pure functions (R18, R19)."""

from decimal import Decimal
from typing import Any

from db_utils import clock
from grpc_utils.errors import FailedPrecondition, InvalidArgument

from service_factures.models import (
    ANNULEE,
    BROUILLON,
    EMISE,
    FACTURE,
    PARTIELLEMENT_PAYEE,
    PAYEE,
    ZERO,
    Facture,
)


class FactureNonReglable(FailedPrecondition):
    """Un brouillon ou un avoir ne reçoit pas de règlement."""


class AnnulationTropElevee(InvalidArgument):
    """L'annulation dépasse ce qui reste du règlement."""


def statut(facture: Facture, regle: Decimal, avoirs: Decimal) -> str:
    """The statut of *facture* with these sums (R18); one that avoirs have undone stays ANNULEE."""
    if facture.statut == ANNULEE:
        return ANNULEE
    if facture.montant_ttc > regle + avoirs:
        return PARTIELLEMENT_PAYEE if regle else EMISE
    return PAYEE if regle else ANNULEE


def settled(
    facture: Facture, *, regle: Decimal | None = None, avoirs: Decimal | None = None
) -> dict[str, Any]:
    """The columns of *facture* once *regle* is paid and *avoirs* are credited; None is as it was (R18)."""
    regle = facture.montant_regle if regle is None else regle
    avoirs = facture.montant_avoirs if avoirs is None else avoirs
    after = statut(facture, regle, avoirs)
    owed = facture.montant_ttc - avoirs - regle
    payee_at = (facture.payee_at or clock.now()) if after == PAYEE else None
    return {
        "montant_regle": regle,
        "montant_avoirs": avoirs,
        "solde": max(ZERO, owed),
        "trop_percu": max(ZERO, -owed),
        "statut": after,
        "payee_at": payee_at,
    }


def check_payable(facture: Facture) -> None:
    """Refuse payments of what is no issued invoice (R20). Raises FactureNonReglable."""
    if facture.type != FACTURE or facture.statut == BROUILLON:
        raise FactureNonReglable(statut=facture.statut)
