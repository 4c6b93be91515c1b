"""Reading of bank reports (R23): pain.002, camt.053 and camt.054 become immutable lines.

`read_report` is the only way in; nothing here knows the database. Read `lignes.py` for what a line says,
then `camt.py` and `pain002.py`. What a line does to a payment is decided in `rapports.py`.
"""

from service_payments.lecture.lignes import (
    ACCEPTE,
    CONTREPASSATION,
    FRAIS,
    LOT,
    REFUS,
    REGLEMENT,
    REMISE,
    RETOUR,
    TRANSACTION,
    VIREMENT_RETOURNE,
    BankOutcome,
    Rapport,
)
from service_payments.lecture.rapport import LARGEST_REPORT, RapportIllisible, RapportTropGrand, read_report

__all__ = [
    "ACCEPTE",
    "CONTREPASSATION",
    "FRAIS",
    "LARGEST_REPORT",
    "LOT",
    "REFUS",
    "REGLEMENT",
    "REMISE",
    "RETOUR",
    "TRANSACTION",
    "VIREMENT_RETOURNE",
    "BankOutcome",
    "Rapport",
    "RapportIllisible",
    "RapportTropGrand",
    "read_report",
]
