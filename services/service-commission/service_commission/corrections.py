"""REGULARISATION: a commission of the current period that corrects another one (R27, R28)."""

from decimal import Decimal
from typing import Any

from db_utils import Transaction, clock

from service_commission import audit, periodes, references
from service_commission.models import REGULARISATION, ZERO, Commission


async def correct(
    tx: Transaction, origine: Commission, montant: Decimal, detail: dict[str, Any]
) -> Commission:
    """Pay *montant* to the beneficiary of *origine* with the next bordereau; *detail* says why.

    It carries the scale of *origine* and no payment: it was not received for one.
    """
    today = clock.today()
    periode = periodes.periode_of(today)
    (reference,) = await references.next_commissions(tx, origine.organisation_id, periode)
    row = Commission(
        organisation_id=origine.organisation_id,
        reference=reference,
        type=REGULARISATION,
        role=origine.role,
        beneficiaire_id=origine.beneficiaire_id,
        manager_id=origine.manager_id,
        contrat_id=origine.contrat_id,
        client_id=origine.client_id,
        societe_id=origine.societe_id,
        produit_id=origine.produit_id,
        type_produit=origine.type_produit,
        facture_id=origine.facture_id,
        base_ht=ZERO,
        montant=montant,
        periode=periode,
        date_encaissement=today,
        bareme_code=origine.bareme_code,
        bareme_version=origine.bareme_version,
        bareme_snapshot=origine.bareme_snapshot,
        detail=detail | {"commission_id": str(origine.id), "reference": origine.reference},
    )
    await tx.insert(row)
    await audit.note(tx, row, audit.COMMISSION, REGULARISATION, detail | {"montant": str(montant)})
    return row
