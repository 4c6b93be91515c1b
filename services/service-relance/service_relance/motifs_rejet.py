"""What is to be done after a rejected debit, by its reason (R8). Pure.

What the reasons mean stands in `service_kit.rejets`.
"""

from collections.abc import Mapping
from typing import Final

from service_kit import rejets

_DECEASED: Final = "MD07"
_TO_BE_FOUND_OUT: Final = "motif à éclaircir avec la banque"
_BY_CLASS: Final[Mapping[str | None, str]] = {
    rejets.RETRY: "appeler le client ; une nouvelle présentation est prévue",
    rejets.COORDONNEES: "demander au client de nouvelles coordonnées bancaires",
    rejets.MANDAT: "nouveau mandat à signer par le client",
    rejets.LITIGE: "débit contesté par le client : l'appeler",
    rejets.TECHNIQUE: "incident de notre côté : corriger nos données, ne rien demander au client",
}
# What others of their class do not ask for.
_BY_CODE: Final[Mapping[str, str]] = {
    "SL01": "débit bloqué par un service de sa banque : à voir avec le client",
    _DECEASED: "débiteur décédé : ne pas relancer, avertir la direction",
}


def is_represented(code: str) -> bool:
    """Tell whether a debit that was rejected with *code* is presented again."""
    return rejets.class_of(code) == rejets.RETRY


def is_death(code: str) -> bool:
    """Tell whether *code* says that the debtor has died."""
    return rejets.normal_code(code) == _DECEASED


def needed(code: str) -> str:
    """What is to be done after a rejection with *code*."""
    return _BY_CODE.get(rejets.normal_code(code)) or _BY_CLASS.get(rejets.class_of(code), _TO_BE_FOUND_OUT)
