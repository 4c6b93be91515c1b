"""Batches and files as wholes: what settles them at once, and what it means that a bank refuses them."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final
from uuid import UUID

from service_payments.lecture import LOT, REFUS, REMISE, BankOutcome
from service_payments.models import CANCELLED, FAILED, PENDING, REJECTED, SUBMITTED, Payment
from service_payments.rapprochement import Connus
from service_payments.sepa_models import ACCEPTEE, GENEREE, REJETEE, Remise
from service_payments.transitions import emitted

__all__ = ["ACCEPTEE", "DUPLICATES", "GENEREE", "REJETEE", "Refusals", "settled_by"]

# Codes by which a bank says that it has the file already (ISO 20022, external status reasons).
DUPLICATES: Final = frozenset({"DU01", "DU02", "DU03", "DU04", "DU05", "AM05"})


def settled_by(line: BankOutcome, members: Sequence[Payment]) -> Sequence[Payment] | None:
    """Return the payments that the booking of a batch settles, None when nothing explains it (R26).

    The amount is that of all debits that the bank took. Those that came back since may be among them or not:
    a statement may be imported after the return. Last, debits count whose batch was refused before.
    """
    taken = [one for one in members if one.statut not in (REJECTED, FAILED, CANCELLED)]
    once = [one for one in members if one in taken or (one.statut == REJECTED and one.date_reception)]
    for counted in (taken, once):
        if _explains(line, counted):
            return [one for one in counted if one.statut == SUBMITTED or _again(one)]
    late = [one for one in members if one.statut not in (REJECTED, CANCELLED)]
    if _explains(line, late):
        return [one for one in late if one.statut in (SUBMITTED, FAILED) or _again(one)]
    return None


def _explains(line: BankOutcome, counted: Sequence[Payment]) -> bool:
    if not counted or line.nombre not in (None, len(counted)):
        return False
    return line.montants.explain(sum((one.montant for one in counted), Decimal(0)))


def _again(payment: Payment) -> bool:
    """Whether a debit waits to go out again, and must not when the bank has settled it after all (R13)."""
    return payment.statut == PENDING and emitted(payment)


class Refusals:
    """What a report refuses as a whole, judged by what was known before it (R25)."""

    def __init__(self, connus: Connus, lines: Sequence[BankOutcome]) -> None:
        self._connus = connus
        levels = [line for line in lines if line.nature == REFUS]
        self._doubles = [line for line in levels if self._is_double(line)]
        self._levels = [line for line in levels if line not in self._doubles]

    def doubles(self, line: BankOutcome) -> bool:
        """Whether a refusal says that a file came a second time whose first one was taken."""
        return line in self._doubles

    def twice(self, line: BankOutcome) -> bool:
        """Whether a refused transaction is of a file that came twice, and says nothing else."""
        return line.code in DUPLICATES | {""} and any(_below(line, level) for level in self._doubles)

    def covers(self, line: BankOutcome) -> bool:
        """Whether a transaction without an id is below a refusal, which speaks for it."""
        return any(_below(line, level) for level in (*self._levels, *self._doubles))

    def refuses(self, remise: Remise) -> bool:
        """Whether the report refuses the whole of *remise*."""
        return any(one.id == remise.id for one in self.refused_remises())

    def refused_remises(self) -> Iterator[Remise]:
        """The remises that are refused, also batch by batch."""
        refused = {line.pmt_inf_id for line in self._levels if line.porte == LOT}
        whole = {line.msg_id for line in self._levels if line.porte == REMISE}
        for msg_id, remise in self._connus.remises.items():
            batches = self._batches(remise.id)
            if msg_id in whole or (batches and batches <= refused):
                yield remise

    def _batches(self, remise_id: UUID) -> set[str]:
        members = self._connus.by_remise.get(remise_id, ())
        return {one.pmt_inf_id for one in members if one.pmt_inf_id}

    def _is_double(self, line: BankOutcome) -> bool:
        remise = self._connus.remise(line)
        if remise is None or line.code not in DUPLICATES:
            return False
        # A bank that has settled a debit of the file had taken it, though nobody imported its answer.
        members = self._connus.by_remise.get(remise.id, ())
        return remise.statut == ACCEPTEE or any(one.date_reception is not None for one in members)


def _below(line: BankOutcome, level: BankOutcome) -> bool:
    """Whether *line* stands below *level* in the report."""
    return (
        level.porte == REMISE and line.msg_id == level.msg_id
    ) or line.pmt_inf_id == level.pmt_inf_id != ""
