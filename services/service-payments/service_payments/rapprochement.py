"""Which payments the lines of a report are about (R24), locked for as long as the report is applied."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from db_utils import Transaction
from sqlalchemy import ARRAY, String, Uuid, any_, bindparam, or_, select

from service_payments.bilan import DEVISE, ID_INCONNU, Bilan
from service_payments.lecture import ACCEPTE, LOT, REFUS, REMISE, BankOutcome
from service_payments.lecture.lignes import EUR
from service_payments.models import Payment
from service_payments.rapport_models import RapportLigne
from service_payments.sepa_models import Mandat, Remise
from service_payments.verrous import locked

_organisation: Final[Any] = bindparam("organisation_id")
_names: Final = bindparam("names", type_=ARRAY(String))
_lots: Final = bindparam("lots", type_=ARRAY(String))
_ids: Final = bindparam("ids", type_=ARRAY(Uuid))
_REMISES = (
    select(Remise)
    .where(Remise.organisation_id == _organisation, Remise.msg_id == any_(_names))
    .order_by(Remise.id)
    .with_for_update()
)
_PAYMENTS = select(Payment.id).where(
    Payment.organisation_id == _organisation,
    or_(
        Payment.end_to_end_id == any_(_names),
        Payment.pmt_inf_id == any_(_lots),
        Payment.remise_id == any_(_ids),
    ),
)
_OF_LOTS = (
    select(Payment.remise_id)
    .where(Payment.organisation_id == _organisation, Payment.pmt_inf_id == any_(_lots))
    .distinct()
)
_THEIR_REMISES = select(Remise).where(Remise.id == any_(_ids)).order_by(Remise.id).with_for_update()
_SCHEMAS = select(Mandat.id, Mandat.schema).where(Mandat.id == any_(_ids))
_TOLD = select(RapportLigne.payment_id, RapportLigne.nature, RapportLigne.code, RapportLigne.date).where(
    RapportLigne.payment_id == any_(_ids)
)


@dataclass(frozen=True, slots=True)
class Connus:
    """Our payments and remises that a report names, locked, and what former reports told of them."""

    by_name: Mapping[str, Payment]
    by_lot: Mapping[str, Sequence[Payment]]
    by_remise: Mapping[UUID, Sequence[Payment]]
    remises: Mapping[str, Remise]
    remises_by_id: Mapping[UUID, Remise]
    schemas: Mapping[UUID, str] = field(default_factory=dict)
    told: frozenset[tuple[Any, ...]] = frozenset()

    def lot(self, line: BankOutcome) -> Sequence[Payment]:
        """The payments of the PmtInf of *line*, else of its remise; none when neither is ours."""
        if line.pmt_inf_id and (members := self.by_lot.get(line.pmt_inf_id)):
            return members
        if line.porte == LOT and line.nature in (REFUS, ACCEPTE):
            return ()  # what a bank says of a batch that we do not know is not said of the others
        remise = self.remises.get(line.msg_id) if line.msg_id else None
        return self.by_remise.get(remise.id, ()) if remise else ()

    def remise(self, line: BankOutcome) -> Remise | None:
        """The remise of a line about a PmtInf or a whole file."""
        if line.porte == LOT and (members := self.by_lot.get(line.pmt_inf_id)):
            return self.remises_by_id.get(members[0].remise_id) if members[0].remise_id else None
        return self.remises.get(line.msg_id)


class Rapprochement:
    """What lines of a report are about; what they say of unknown things is counted or listed in *bilan*."""

    def __init__(self, connus: Connus, bilan: Bilan) -> None:
        self._connus, self._bilan = connus, bilan

    def payment(self, line: BankOutcome) -> Payment | None:
        """The payment of a line; none in another currency than euros."""
        payment = self._connus.by_name.get(line.end_to_end_id)
        if line.devise != EUR and (payment or line.of_debit):
            self._bilan.leave(line, DEVISE)
            return None
        if payment is None:
            self._unknown(line)
        return payment

    def lot(self, line: BankOutcome) -> Sequence[Payment]:
        """The payments of a batch or remise; none in another currency than euros."""
        members = self._connus.lot(line)
        if line.devise != EUR and (members or line.of_debit):
            self._bilan.leave(line, DEVISE)
            return ()
        if not members:
            self._unknown(line)
        return members

    def _unknown(self, line: BankOutcome) -> None:
        if line.of_debit:
            self._bilan.leave(line, ID_INCONNU)
        else:
            self._bilan.ignore()


async def matched(tx: Transaction, organisation_id: str, lines: Sequence[BankOutcome]) -> Connus:
    """Find and lock everything that *lines* name, in the order of `verrous.py`."""
    remises = await _named_remises(tx, organisation_id, lines)
    without_id = [line for line in lines if not line.end_to_end_id]
    # The last batch of a remise that is refused refuses the remise: all of its batches must be known.
    refused = sorted({line.pmt_inf_id for line in without_id if line.nature == REFUS and line.pmt_inf_id})
    whole = await tx.all(_OF_LOTS, organisation_id=organisation_id, lots=refused) if refused else []
    ids = await tx.all(
        _PAYMENTS,
        organisation_id=organisation_id,
        names=sorted({line.end_to_end_id for line in lines if line.end_to_end_id}),
        lots=sorted({line.pmt_inf_id for line in without_id if line.pmt_inf_id}),
        ids=sorted({*_needed(remises, without_id), *(one for one in whole if one)}),
    )
    payments = await locked(tx, ids)
    theirs = sorted({one.remise_id for one in payments if one.remise_id})
    all_remises = await tx.all(_THEIR_REMISES, ids=theirs) if theirs else []
    known = {remise.id: remise for remise in (*remises, *all_remises)}
    return Connus(
        by_name={one.end_to_end_id: one for one in payments},
        by_lot=_grouped(payments, "pmt_inf_id"),
        by_remise=_grouped(payments, "remise_id"),
        remises={remise.msg_id: remise for remise in known.values()},
        remises_by_id=known,
        schemas=dict(
            await tx.all(_SCHEMAS, ids=sorted({one.mandat_id for one in payments if one.mandat_id}))
        ),
        told=await _told(tx, payments),
    )


async def _named_remises(
    tx: Transaction, organisation_id: str, lines: Sequence[BankOutcome]
) -> Sequence[Remise]:
    names = sorted({line.msg_id for line in lines if line.msg_id})
    if not names:
        return ()
    found: Sequence[Remise] = await tx.all(_REMISES, organisation_id=organisation_id, names=names)
    return found


def _needed(remises: Sequence[Remise], lines: Sequence[BankOutcome]) -> list[UUID]:
    """The remises all of whose payments count: those that a line without any other id names."""
    names = {line.msg_id for line in lines if line.porte == REMISE or not line.pmt_inf_id}
    return [remise.id for remise in remises if remise.msg_id in names]


def _grouped(payments: Sequence[Payment], name: str) -> Mapping[Any, Sequence[Payment]]:
    groups: dict[Any, list[Payment]] = {}
    for payment in payments:
        if (value := getattr(payment, name)) is not None:
            groups.setdefault(value, []).append(payment)
    return groups


async def _told(tx: Transaction, payments: Sequence[Payment]) -> frozenset[tuple[Any, ...]]:
    statement: Any = _TOLD
    rows: list[Any] = await tx.all(statement, ids=[one.id for one in payments])
    return frozenset(tuple(row) for row in rows)
