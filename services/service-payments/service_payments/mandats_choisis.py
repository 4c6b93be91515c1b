"""The mandate under which a debit may be made now (R15), for payments that people and retry ask for."""

from typing import Any, Final
from uuid import UUID

from db_utils import Reader
from sqlalchemy import ARRAY, Uuid, any_, bindparam, or_, select

from service_payments.emission_rules import mandate_for
from service_payments.models import Echeancier, Payment
from service_payments.paiements_rules import MandatAbsent
from service_payments.sepa_models import ACTIF, Mandat

_CANDIDATES: Final = select(Mandat).where(
    Mandat.organisation_id == bindparam("organisation_id"),
    or_(
        Mandat.id == any_(bindparam("ids", type_=ARRAY(Uuid))),
        (Mandat.societe_id == bindparam("societe_id"))
        & (Mandat.client_id == bindparam("client_id"))
        & (Mandat.statut == ACTIF),
    ),
)


async def mandat_of(reader: Reader, payment: Payment, schedule: Echeancier | None) -> Mandat:
    """Choose the ACTIF mandate of *payment* (R15). Raises MandatAbsent."""
    named: list[UUID] = [
        one for one in (payment.mandat_id, schedule.mandat_id if schedule else None) if one is not None
    ]
    rows: list[Any] = await reader.all(
        _CANDIDATES,
        organisation_id=payment.organisation_id,
        ids=named,
        societe_id=payment.societe_id,
        client_id=payment.client_id,
    )
    by_place = {
        (row.client_id, row.contrat_id or ""): row
        for row in rows
        if row.statut == ACTIF and row.societe_id == payment.societe_id
    }
    chosen = mandate_for(payment, schedule, {row.id: row for row in rows}, by_place)
    if isinstance(chosen, str):
        raise MandatAbsent(chosen)
    return chosen
