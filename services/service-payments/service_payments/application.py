"""Lines of a report become outcomes of payments (R25 to R28): settlements first, then returns, then refusals.

`rapprochement.py` has found and locked what the lines name; `issues.py` writes the outcomes.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, Final

from db_utils import Transaction, clock

from service_payments import bilan as motifs
from service_payments import lots, r_types
from service_payments.bilan import Bilan
from service_payments.issues import Issues
from service_payments.lecture import (
    ACCEPTE,
    CONTREPASSATION,
    FRAIS,
    LOT,
    REFUS,
    REGLEMENT,
    RETOUR,
    TRANSACTION,
    VIREMENT_RETOURNE,
    BankOutcome,
    Rapport,
)
from service_payments.models import (
    FAILED,
    PAID,
    PARTIALLY_REFUNDED,
    PENDING,
    REFUNDED,
    REJECTED,
    REJET,
    SUBMITTED,
    Payment,
)
from service_payments.rapport_models import REFUS as LIGNE_REFUS
from service_payments.rapport_models import RapportBancaire, RapportLigne
from service_payments.rapprochement import Connus, Rapprochement
from service_payments.sepa_models import CORE
from service_payments.transitions import emitted

PAIN: Final = "pain.002"
_SETTLED: Final = (PAID, PARTIALLY_REFUNDED, REFUNDED)
_RETURNABLE: Final = (SUBMITTED, PAID, PARTIALLY_REFUNDED)


class Application:
    """One report on its way into the payments."""

    def __init__(
        self,
        tx: Transaction,
        outcome: Issues,
        stored: RapportBancaire,
        rapport: Rapport,
        connus: Connus,
        last_returns: Mapping[date, date],
    ) -> None:
        self._tx, self._outcome, self._stored, self._rapport = tx, outcome, stored, rapport
        self._connus, self._last_returns = connus, last_returns
        self.bilan = Bilan(rapport)
        self._rapprochement = Rapprochement(connus, self.bilan)
        self._failed: list[tuple[BankOutcome, Payment, Decimal | None]] = []
        self._refusals = lots.Refusals(connus, rapport.lignes)

    async def run(self) -> Bilan:
        """Apply all lines."""
        for nature, apply in (
            (REGLEMENT, self._settle),
            (RETOUR, self._return),
            (FRAIS, self._fee),
            (CONTREPASSATION, self._reversal),
            (VIREMENT_RETOURNE, self._transfer),
            (REFUS, self._refuse),
            (ACCEPTE, self._accept),
        ):
            for line in self._rapport.lignes:
                if line.nature == nature:
                    await apply(line)
            if nature == REGLEMENT:
                await self._paid_after_all()
        for remise in self._refusals.refused_remises():
            await self._tx.update(remise, statut=lots.REJETEE)
        return self.bilan

    # -- settlements ---------------------------------------------------------------------------------

    async def _settle(self, line: BankOutcome) -> None:
        if line.porte != TRANSACTION:
            await self._settle_lot(line)
            return
        payment = self._rapprochement.payment(line)
        if payment is None:
            return
        if self._unexplained(line, payment):
            self.bilan.leave(line, motifs.MONTANT_INEXPLIQUE)
        elif payment.statut in _SETTLED or self._told_before(line, payment):
            await self._again(line, payment)
        elif payment.statut == SUBMITTED or self._late(payment):
            await self._paid(line, payment, self._fees(line, payment))
        else:
            self.bilan.leave(line, motifs.ETAT_INATTENDU)

    async def _settle_lot(self, line: BankOutcome) -> None:
        members = self._rapprochement.lot(line)
        if not members:
            return
        chosen = lots.settled_by(line, members)
        if chosen is None:
            self.bilan.leave(line, motifs.LOT_INEXPLIQUE)
            return
        if not chosen:
            self.bilan.ignore()
            return
        self.bilan.fees(line.montants.charges)
        for payment in chosen:
            await self._paid(line, payment, None)

    async def _paid(self, line: BankOutcome, payment: Payment, frais: Decimal | None) -> None:
        if payment.statut == FAILED:
            self._failed.append((line, payment, frais))
        else:
            await self._book(line, payment, frais)

    async def _paid_after_all(self) -> None:
        """Book debits that had FAILED after all others: the one in place of such a debit may be settled too.

        Then both are received, and the échéance is that of the other one (R13).
        """
        for line, payment, frais in self._failed:
            if payment.statut in _SETTLED:
                await self._again(line, payment)
            else:
                await self._book(line, payment, frais)

    async def _book(self, line: BankOutcome, payment: Payment, frais: Decimal | None) -> None:
        if payment.statut != SUBMITTED:
            self.bilan.leave(replace(line, end_to_end_id=payment.end_to_end_id), motifs.ETAT_INATTENDU)
        await self._outcome.paid(
            payment, self._day(line), cause=self._rapport.format, **_with_fees(payment, frais)
        )
        self.bilan.answer.nb_regles += 1
        await self._note(line, payment, line.nature, frais)

    # -- returns -------------------------------------------------------------------------------------

    async def _return(self, line: BankOutcome) -> None:
        if not line.end_to_end_id:
            self._return_of_many(line)
            return
        if self._refusals.twice(line):
            self.bilan.ignore()
            return
        payment = self._rapprochement.payment(line)
        if payment is None:
            return
        if self._unexplained(line, payment):
            self.bilan.leave(line, motifs.MONTANT_INEXPLIQUE)
        elif payment.statut == REJECTED:
            await self._again(line, payment)
        elif payment.statut in _RETURNABLE:
            await self._rejected(line, payment)
        else:
            self.bilan.leave(line, motifs.ETAT_INATTENDU)

    def _return_of_many(self, line: BankOutcome) -> None:
        """A return without an id does not say which debit of its batch has come back."""
        if self._refusals.covers(line):
            self.bilan.ignore()
        elif self._rapprochement.lot(line):
            self.bilan.leave(line, motifs.RETOUR_GROUPE)

    async def _rejected(self, line: BankOutcome, payment: Payment) -> None:
        frais, day = self._fees(line, payment), self._day(line)
        await self._outcome.rejected(
            payment,
            day,
            line.code,
            r_type=self._kind(line, payment, day),
            cause=self._rapport.format,
            motif_texte=line.texte or payment.motif_texte,
            **_with_fees(payment, frais),
        )
        self.bilan.answer.nb_rejetes += 1
        if not line.code:
            self.bilan.warn(motifs.SANS_CODE)
        await self._note(line, payment, line.nature, frais)

    def _kind(self, line: BankOutcome, payment: Payment, day: date) -> str:
        if self._rapport.format == PAIN:
            return REJET
        due = payment.date_prelevement
        schema = self._connus.schemas.get(payment.mandat_id, CORE) if payment.mandat_id else CORE
        # A booked return is no REJET, even when the bank books it on a day before the debit's.
        return r_types.kind(line.code, schema, day, None, self._last_returns.get(due) if due else None)

    # -- what changes no debit -------------------------------------------------------------------------

    async def _fee(self, line: BankOutcome) -> None:
        if line.porte == LOT:
            if self._rapprochement.lot(line):
                self.bilan.leave(line, motifs.RETOUR_GROUPE)
        elif self._rapprochement.payment(line) is not None:
            self.bilan.leave(line, motifs.MONTANT_INEXPLIQUE)

    async def _reversal(self, line: BankOutcome) -> None:
        if self._rapprochement.lot(line) if line.porte == LOT else self._rapprochement.payment(line):
            self.bilan.leave(line, motifs.CONTREPASSATION)

    async def _transfer(self, line: BankOutcome) -> None:
        self.bilan.leave(line, motifs.VIREMENT_RETOURNE)

    # -- batches and files of pain.002 -----------------------------------------------------------------

    async def _refuse(self, line: BankOutcome) -> None:
        members = self._rapprochement.lot(line)
        if self._refusals.doubles(line):
            self.bilan.leave(line, motifs.DOUBLON_FICHIER)
            return
        if members or self._connus.remise(line) is not None:
            self.bilan.warn(motifs.REFUS)
        for payment in members:
            if payment.statut == SUBMITTED:
                await self._outcome.failed(payment, line.code, line.texte, cause=self._rapport.format)
                self.bilan.answer.nb_echoues += 1
                await self._note(line, payment, LIGNE_REFUS, None)

    async def _accept(self, line: BankOutcome) -> None:
        remise = self._connus.remise(line)
        if remise is None or remise.statut != lots.GENEREE or self._refusals.refuses(remise):
            self.bilan.ignore()
        else:
            await self._tx.update(remise, statut=lots.ACCEPTEE)

    # -- shared ----------------------------------------------------------------------------------------

    def _unexplained(self, line: BankOutcome, payment: Payment) -> bool:
        return self._rapport.format != PAIN and not line.montants.explain(payment.montant)

    def _fees(self, line: BankOutcome, payment: Payment) -> Decimal | None:
        return None if self._rapport.format == PAIN else line.montants.frais(payment.montant)

    def _told_before(self, line: BankOutcome, payment: Payment) -> bool:
        """Whether a settlement of a payment that has come back since is the one which is known."""
        if payment.statut != REJECTED:
            return False
        if (payment.id, REGLEMENT, "", self._day(line)) in self._connus.told:
            return True
        received, back = payment.date_reception, payment.date_rejet
        return received is not None and back is not None and self._day(line) <= back

    def _late(self, payment: Payment) -> bool:
        """Whether a debit that was to go out again is settled after all (R13)."""
        return payment.statut == FAILED or (payment.statut == PENDING and emitted(payment))

    async def _again(self, line: BankOutcome, payment: Payment) -> None:
        """Take from a line that is known what the first one did not say: the fees (R23)."""
        self.bilan.ignore()
        frais = self._fees(line, payment)
        if frais is not None and payment.frais_bancaires is None:
            self.bilan.fees(frais)
            await self._outcome.groupes.change(payment, frais_bancaires=frais)

    def _day(self, line: BankOutcome) -> date:
        return line.day or self._rapport.day or clock.today()

    async def _note(self, line: BankOutcome, payment: Payment, nature: str, frais: Decimal | None) -> None:
        self.bilan.fees(frais)
        await self._tx.insert(
            RapportLigne(
                organisation_id=self._stored.organisation_id,
                rapport_id=self._stored.id,
                payment_id=payment.id,
                nature=nature,
                code=line.code if nature != REGLEMENT else "",
                date=self._day(line),
                montant_ligne=line.montant or payment.montant,
                frais=frais or Decimal(0),
            ),
            if_absent=True,
        )


def _with_fees(payment: Payment, frais: Decimal | None) -> dict[str, Any]:
    return {} if frais is None else {"frais_bancaires": (payment.frais_bancaires or Decimal(0)) + frais}
