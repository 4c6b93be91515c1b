"""What one line of a bank report says, as immutable values without any look at our own payments."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

# What a line says.
REGLEMENT: Final = "REGLEMENT"  # money came in, or the bank says that the debit is settled
RETOUR: Final = "RETOUR"  # a debit was refused or came back
REFUS: Final = "REFUS"  # a batch or a whole file was refused
ACCEPTE: Final = "ACCEPTE"  # a batch or a whole file was taken
FRAIS: Final = "FRAIS"  # money went out for something that is no return
CONTREPASSATION: Final = "CONTREPASSATION"  # the bank takes a return back
VIREMENT_RETOURNE: Final = "VIREMENT_RETOURNE"  # one of our own transfers came back

# What it is about: a debit, all debits of a PmtInf, all debits of a file.
TRANSACTION: Final = "TRANSACTION"
LOT: Final = "LOT"
REMISE: Final = "REMISE"

EUR: Final = "EUR"


@dataclass(frozen=True, slots=True)
class Montants:
    """Amounts that a line gives for one debit, in the order in which they explain it (R27).

    *booked* is what moved on the account, *charges* the sum of the fees that the line names.
    """

    candidats: Sequence[Decimal] = ()
    booked: Decimal | None = None
    charges: Decimal | None = None

    def explain(self, montant: Decimal) -> bool:
        """Tell whether *montant* is one of the amounts of the line."""
        return montant in self.candidats

    def frais(self, montant: Decimal) -> Decimal | None:
        """Return the fees of the bank when the line is explained by *montant*; None when there are none."""
        if self.charges is not None:
            return self.charges
        difference = abs(self.booked - montant) if self.booked is not None else Decimal(0)
        return difference or None


@dataclass(frozen=True, slots=True)
class BankOutcome:
    """One line of a report.

    *of_debit* marks lines of direct debits, which are never dropped in silence (R24). *implied* marks a
    transaction that has a reason but no status, below a refused level (R25).
    """

    nature: str
    porte: str = TRANSACTION
    end_to_end_id: str = ""
    pmt_inf_id: str = ""
    msg_id: str = ""
    sens: str = ""
    devise: str = EUR
    montants: Montants = field(default_factory=Montants)
    nombre: int | None = None
    code: str = ""
    texte: str = ""
    day: date | None = None
    of_debit: bool = False

    @property
    def montant(self) -> Decimal | None:
        """The amount that people are shown for the line."""
        return (
            self.montants.booked
            if self.montants.booked is not None
            else next(iter(self.montants.candidats), None)
        )


@dataclass(frozen=True, slots=True)
class Rapport:
    """A whole report: its format, the day it was made, its lines, and how many say nothing to us."""

    format: str
    day: date | None
    lignes: Sequence[BankOutcome]
    nb_transactions: int
    nb_ignores: int
