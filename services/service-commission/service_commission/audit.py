"""The journal of commissions: what was computed, decided and changed, by whom (R30)."""

from typing import Any, Final

from db_utils import Transaction
from grpc_utils import caller

from service_commission.models import CommissionAudit

SYSTEME: Final = "systeme"
COMMISSION, REPRISE, BORDEREAU = "COMMISSION", "REPRISE", "BORDEREAU"
ACOMPTE, CONTESTATION, PAIEMENT = "ACOMPTE", "CONTESTATION", "PAIEMENT"


async def note(
    tx: Transaction,
    row: Any,
    scope: str,
    action: str,
    apres: dict[str, Any] | None = None,
    *,
    avant: dict[str, Any] | None = None,
    acteur: str = "",
) -> None:
    """Note what the caller, or *acteur*, has done to *row*: what is so now, and what was."""
    await tx.insert(
        CommissionAudit(
            organisation_id=row.organisation_id,
            scope=scope,
            ref_id=str(row.id),
            action=action,
            beneficiaire_id=getattr(row, "beneficiaire_id", None),
            contrat_id=getattr(row, "contrat_id", None),
            avant=avant,
            apres=apres,
            acteur=acteur or caller().author,
        )
    )
