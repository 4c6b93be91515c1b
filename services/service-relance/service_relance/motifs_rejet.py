"""Reasons of rejected debits: what they mean in French, and what is to be done about them (R8). Pure.

The codes are those of ISO 20022, list ExternalStatusReason, as the banks of SEPA use them.
"""

from collections.abc import Mapping
from typing import Final

DECEASED: Final = "MD07"
_REPRESENTED: Final = ("AM04", "MS03")  # retry presents the debit again

_WORDS: Final[Mapping[str, str]] = {
    "AC01": "numéro de compte incorrect",
    "AC04": "compte clôturé",
    "AC06": "compte bloqué",
    "AC13": "type de compte incompatible",
    "AG01": "compte qui n'admet pas les prélèvements",
    "AG02": "code d'opération incorrect",
    "AM04": "provision insuffisante",
    "AM05": "opération en double",
    "BE05": "créancier non reconnu",
    "CNOR": "banque du créancier non joignable",
    "DNOR": "banque du débiteur non joignable",
    "ED05": "échec du règlement entre banques",
    "FF01": "format de fichier invalide",
    "FF05": "type de prélèvement incorrect",
    "MD01": "absence de mandat",
    "MD02": "mandat incomplet ou incorrect",
    "MD06": "contestation du débiteur",
    "MD07": "débiteur décédé",
    "MS02": "refus du débiteur",
    "MS03": "motif non communiqué par la banque",
    "RC01": "identifiant de la banque incorrect",
    "RR01": "compte ou identification du débiteur manquant",
    "RR02": "nom ou adresse du débiteur manquant",
    "RR03": "nom ou adresse du créancier manquant",
    "RR04": "motif réglementaire",
    "SL01": "service particulier de la banque du débiteur",
    "TM01": "fichier transmis après l'heure limite",
}
_BANK_DETAILS = "demander au client de nouvelles coordonnées bancaires"
_MANDATE = "nouveau mandat à signer par le client"
_CONTESTED = "débit contesté par le client : l'appeler"
_OURS = "incident de notre côté : corriger nos données, ne rien demander au client"
_NEEDED: Final[Mapping[str, str]] = {
    **dict.fromkeys(_REPRESENTED, "appeler le client ; une nouvelle présentation est prévue"),
    **dict.fromkeys(("AC01", "AC04", "AC06", "AC13", "AG01", "RC01", "DNOR"), _BANK_DETAILS),
    **dict.fromkeys(("MD01", "MD02"), _MANDATE),
    **dict.fromkeys(("MD06", "MS02"), _CONTESTED),
    **dict.fromkeys(
        ("CNOR", "BE05", "AG02", "AM05", "FF01", "FF05", "RR01", "RR02", "RR03", "ED05", "TM01"), _OURS
    ),
    "SL01": "débit bloqué par un service de sa banque : à voir avec le client",
    DECEASED: "débiteur décédé : ne pas relancer, avertir la direction",
}


def is_represented(code: str) -> bool:
    """Tell whether a debit that was rejected with *code* is presented again."""
    return code in _REPRESENTED


def in_words(code: str) -> str:
    """Meaning of *code* in French; "" for one that nobody knows."""
    return _WORDS.get(code, "")


def needed(code: str) -> str:
    """What is to be done after a rejection with *code*."""
    return _NEEDED.get(code, "motif à éclaircir avec la banque")
