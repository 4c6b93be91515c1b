"""Whether a debit may be presented again, by the reason for which it was rejected (R1, R2)."""

from collections.abc import Collection, Mapping
from typing import Final

from service_kit.rejets import (
    COORDONNEES,
    FIN,
    LITIGE,
    MANDAT,
    RETRY,
    TECHNIQUE,
    class_of,
    in_words,
)

RETRYABLE: Final = ("AM04", "MS03")  # the class RETRY, in the order in which policies name it
UNKNOWN: Final = "code inconnu"
_TREATMENTS: Final[Mapping[str, str]] = {
    RETRY: "motif non représenté par la politique",
    COORDONNEES: "nouvelles coordonnées bancaires nécessaires",
    MANDAT: "nouveau mandat nécessaire",
    LITIGE: "client à contacter",
    FIN: "traitement humain uniquement",
    TECHNIQUE: "données à corriger avant une présentation manuelle",
}


def sentence(code: str) -> str:
    """What *code* means, in French; the code itself when it is unknown."""
    return in_words(code) or code


def obstacle(code: str, retryable: Collection[str]) -> str | None:
    """Why a debit rejected with the normal *code* is not presented again, None when it may be (R1, R2).

    *retryable* are the codes of a policy, which never help a code of another class than RETRY.
    """
    kind = class_of(code)
    if kind is None:
        return UNKNOWN
    if kind == RETRY and code in retryable:
        return None
    return f"{sentence(code)} : {_TREATMENTS[kind]}"
