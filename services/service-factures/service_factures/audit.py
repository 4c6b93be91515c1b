"""The journal of invoices: one row for each change of a state, with its author (R25)."""

from typing import Any, Final

from db_utils import Transaction
from grpc_utils import caller

from service_factures.models import Facture, FactureAudit

SYSTEME: Final = "systeme"
CREATION, MODIFICATION, SUPPRESSION, EMISSION = "CREATION", "MODIFICATION", "SUPPRESSION", "EMISSION"
IDENTITE, AVOIR, REGLEMENT = "IDENTITE", "AVOIR", "REGLEMENT"
ANNULATION_REGLEMENT, DOCUMENT = "ANNULATION_REGLEMENT", "DOCUMENT"
TRANSMISSION = "TRANSMISSION"


def state(facture: Facture) -> dict[str, Any]:
    """What the journal keeps of the state of *facture*."""
    return {
        "statut": facture.statut,
        "numero": facture.numero,
        "montant_ttc": str(facture.montant_ttc),
        "montant_regle": str(facture.montant_regle),
        "montant_avoirs": str(facture.montant_avoirs),
        "solde": str(facture.solde),
        "trop_percu": str(facture.trop_percu),
        "identite_statut": facture.identite_statut,
    }


async def note(
    tx: Transaction,
    facture: Facture,
    action: str,
    *,
    avant: dict[str, Any] | None = None,
    acteur: str = "",
    **details: Any,
) -> None:
    """Note what the caller, or *acteur*, has done to *facture*, with further *details*."""
    await tx.insert(
        FactureAudit(
            organisation_id=facture.organisation_id,
            facture_id=facture.id,
            action=action,
            acteur=acteur or caller().author,
            avant=avant,
            apres=None if action == SUPPRESSION else state(facture) | details,
        )
    )
