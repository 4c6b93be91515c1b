"""What an import has done, as it is answered, stored, and told to the finance team (R28)."""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from crm.payments import payments_pb2 as pb

from service_payments.lecture import RETOUR, BankOutcome, Rapport

MONTANT_INEXPLIQUE: Final = "MONTANT_INEXPLIQUE"
LOT_INEXPLIQUE: Final = "LOT_INEXPLIQUE"
ID_INCONNU: Final = "ID_INCONNU"
RETOUR_GROUPE: Final = "RETOUR_GROUPE"
CONTREPASSATION: Final = "CONTREPASSATION"
DOUBLON_FICHIER: Final = "DOUBLON_FICHIER"
ETAT_INATTENDU: Final = "ETAT_INATTENDU"
DEVISE: Final = "DEVISE"
VIREMENT_RETOURNE: Final = "VIREMENT_RETOURNE"
# Told to finance although they are no line that was left over.
REFUS: Final = "REFUS"
SANS_CODE: Final = "SANS_CODE"

_TOLD: Final[Mapping[str, str]] = {
    MONTANT_INEXPLIQUE: "montants inexpliqués",
    LOT_INEXPLIQUE: "lots dont le total est inexpliqué",
    ID_INCONNU: "retours d'un prélèvement inconnu",
    RETOUR_GROUPE: "retours groupés, sans le détail des prélèvements",
    CONTREPASSATION: "retours annulés par la banque",
    DOUBLON_FICHIER: "fichiers envoyés deux fois à la banque",
    ETAT_INATTENDU: "paiements dans un état inattendu",
    REFUS: "fichiers ou lots refusés par la banque",
    SANS_CODE: "retours sans code",
}


class Bilan:
    """The result of one report, while it is applied."""

    def __init__(self, rapport: Rapport) -> None:
        self.answer = pb.ImportReportResponse(
            format=rapport.format,
            nb_transactions=rapport.nb_transactions,
            nb_ignores=rapport.nb_ignores,
        )
        self.alertes: Counter[str] = Counter()
        self._frais = Decimal(0)

    def ignore(self) -> None:
        """Count a line that changes nothing."""
        self.answer.nb_ignores += 1

    def fees(self, frais: Decimal | None) -> None:
        """Add up what the bank has kept."""
        self._frais += frais or 0
        self.answer.total_frais = float(self._frais)

    def warn(self, motif: str) -> None:
        """Have finance told of something that was applied all the same."""
        self.alertes[motif] += 1

    def leave(self, line: BankOutcome, motif: str) -> None:
        """List a line that finance has to look at, or has nothing to do with us (R28)."""
        alerte = motif in _TOLD and (motif != ID_INCONNU or _money_left(self.answer.format, line))
        if alerte:
            self.warn(motif)
        self.answer.non_rapproches.add(
            end_to_end_id=line.end_to_end_id,
            pmt_inf_id=line.pmt_inf_id,
            montant=float(line.montant or 0),
            devise=line.devise,
            sens=line.sens,
            code=line.code,
            motif=motif,
            alerte=alerte,
        )

    def message(self, file_name: str) -> str:
        """What finance is told of the file, in one sentence."""
        told = ", ".join(f"{_TOLD[motif]} : {number}" for motif, number in sorted(self.alertes.items()))
        named = f"{self.answer.format} « {file_name} »" if file_name else self.answer.format
        return f"Le rapport bancaire {named} demande votre attention : {told}."


def _money_left(format_: str, line: BankOutcome) -> bool:
    """Whether a debit that we do not know was booked back: money left and no debt came back."""
    return format_ != "pain.002" and line.nature == RETOUR
