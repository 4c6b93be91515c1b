"""Receipts: the one transaction that commissions a payment, alone with its contract and beneficiaries.

payment.received (`subscribers.py`) and Calculer (`commissions.py`) come here. The order of the locks is
payment, contract, beneficiaries by their ids, then the counter of references.
"""

from typing import Any

from db_utils import Transaction
from sqlalchemy import bindparam, select

from service_commission import audit
from service_commission.attribution import Calcul, calcul, etat_of, write
from service_commission.dossiers import Dossier
from service_commission.models import Commission, CommissionAudit

CALCUL, IGNORE = "CALCUL", "IGNORE"
_OF_PAYMENT = select(Commission.id).where(Commission.payment_id == bindparam("payment_id")).limit(1)


async def alone_with_payment(tx: Transaction, organisation_id: str, payment_id: str) -> None:
    """Wait until nobody else commissions a payment or takes it back."""
    await tx.lock("payment", organisation_id, payment_id)


async def commissioned(tx: Transaction, payment_id: str | None) -> bool:
    """Whether a payment has its commissions already; whoever asks is alone with it."""
    return bool(payment_id) and await tx.one(_OF_PAYMENT, payment_id=payment_id) is not None


async def attribute(
    tx: Transaction, dossier: Dossier, acteur: str, motif: str = ""
) -> tuple[Calcul, list[Commission]]:
    """Write what the receipt of *dossier* is worth; its payment has no commissions yet."""
    await _alone(tx, dossier)
    calculated = calcul(dossier, await etat_of(tx, dossier))
    rows = await write(tx, calculated, acteur)
    told = {**calculated.detail, **({"motif": motif} if motif else {})}
    if dossier.recu.payment_id:
        action = IGNORE if calculated.raison else CALCUL
        await journal(tx, dossier.recu.organisation_id, dossier.recu.payment_id, action, told, acteur)
    return calculated, rows


async def journal(
    tx: Transaction, organisation_id: str, payment_id: str, action: str, told: dict[str, Any], acteur: str
) -> None:
    """Note that a payment was handled; without a row the note alone says so (R1)."""
    await tx.insert(
        CommissionAudit(
            organisation_id=organisation_id,
            scope=audit.PAIEMENT,
            ref_id=payment_id,
            action=action,
            apres=told,
            acteur=acteur,
        )
    )


async def _alone(tx: Transaction, dossier: Dossier) -> None:
    """Wait until nobody else decides which receipt of the contract is the first, or which tier is reached."""
    organisation_id = dossier.recu.organisation_id
    await tx.lock("contrat", organisation_id, dossier.recu.contrat_id)
    for beneficiaire_id in sorted({dossier.apporteur_id, dossier.manager_id or dossier.apporteur_id}):
        await tx.lock("primes", organisation_id, beneficiaire_id)
