"""Statuses of an invoice on its way (XP Z12-012, R37): their names, and which of two counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

SANS_OBJET, A_ENVOYER, ENVOYEE = "SANS_OBJET", "A_ENVOYER", "ENVOYEE"
ERREUR_ROUTAGE, IRRECEVABLE, REJETEE = "ERREUR_ROUTAGE", "IRRECEVABLE", "REJETEE"
SERVICE, PLATEFORME, SAISIE = "SERVICE", "PLATEFORME", "SAISIE"
ORIGINES: Final = (SERVICE, PLATEFORME, SAISIE)

CODE_IRRECEVABLE: Final = 501
STATUTS: Final[Mapping[int, str]] = {
    200: "DEPOSEE",
    201: "EMISE",
    202: "RECUE",
    203: "MISE_A_DISPOSITION",
    204: "PRISE_EN_CHARGE",
    205: "APPROUVEE",
    206: "APPROUVEE_PARTIELLEMENT",
    207: "EN_LITIGE",
    208: "SUSPENDUE",
    209: "COMPLETEE",
    210: "REFUSEE",
    211: "PAIEMENT_TRANSMIS",
    212: "ENCAISSEE",
    213: REJETEE,
    220: "ANNULEE",
    221: ERREUR_ROUTAGE,
    CODE_IRRECEVABLE: IRRECEVABLE,
}
"""Names of the statuses that have an effect, by code."""

STATUTS_TRANSMISSION: Final = (SANS_OBJET, A_ENVOYER, ENVOYEE, *STATUTS.values())
LONGEST_MOTIF, LONGEST_TEXTE = 50, 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Statut:
    """A status that was heard of an invoice, its reason as it was written."""

    code: int
    date: datetime
    origine: str
    motif_code: str = ""
    texte: str = ""
    flow_id: str = ""

    @property
    def nom(self) -> str:
        """Its name, the code in digits for one that is not known (R37)."""
        return STATUTS.get(self.code, str(self.code))

    def counts_over(self, code: int | None, date: datetime | None) -> bool:
        """Whether it counts over the status *code* of *date*: the latest, at one date the higher code (R37).

        One that is not known never counts.
        """
        return self.code in STATUTS and (date is None or (self.date, self.code) > (date, code or 0))
