"""A bordereau as it is printed."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from service_commission.decomptes import Decompte


@dataclass(frozen=True, slots=True)
class LigneCommission:
    """A commission that is paid; *bareme* is empty where none decided its amount."""

    reference: str
    nature: str
    date_encaissement: date
    contrat: str
    base_ht: Decimal
    taux: Decimal | None
    bareme: str
    montant: Decimal


@dataclass(frozen=True, slots=True)
class LigneReprise:
    """What is taken back of the commission *reference*; *montant* is above zero."""

    reference: str
    nature: str
    date_evenement: date
    contrat: str
    motif: str
    montant: Decimal


@dataclass(frozen=True, slots=True)
class Imputation:
    """What an older carry-over or an acompte takes; *montant* is above zero."""

    libelle: str
    montant: Decimal


@dataclass(frozen=True, slots=True)
class Releve:
    """All that the files of a bordereau say."""

    reference: str
    periode: str
    societe: str
    beneficiaire: str
    valide_le: datetime
    valide_par: str
    decompte: Decompte
    commissions: tuple[LigneCommission, ...] = ()
    reprises: tuple[LigneReprise, ...] = ()
    imputations: tuple[Imputation, ...] = ()

    @property
    def baremes(self) -> str:
        """The scales of the commissions with their versions, each once."""
        return ", ".join(sorted({ligne.bareme for ligne in self.commissions if ligne.bareme}))

    @property
    def totaux(self) -> tuple[tuple[str, Decimal], ...]:
        """The totals with their names, in the order of the account; what is taken off is below zero."""
        account = self.decompte
        return (
            ("Commissions brutes", account.brut),
            ("Reprises", -account.reprises + Decimal(0)),
            ("Reports imputés", -account.total_reports + Decimal(0)),
            ("Acomptes imputés", -account.total_acomptes + Decimal(0)),
            ("Net à payer", account.net),
            ("Report sur les mois suivants", account.report_genere),
        )
