"""Whether a debit may be presented again, by the reason for which it was rejected (R1, R2)."""

from collections.abc import Collection, Mapping
from typing import Final

from service_kit import rejets

RETRYABLE: Final = ("AM04", "MS03")  # the class RETRY, in the order in which policies name it
UNKNOWN: Final = "code inconnu"
_TREATMENTS: Final[Mapping[str, str]] = {
    rejets.RETRY: "motif non représenté par la politique",
    rejets.COORDONNEES: "nouvelles coordonnées bancaires nécessaires",
    rejets.MANDAT: "nouveau mandat nécessaire",
    rejets.LITIGE: "client à contacter",
    rejets.FIN: "traitement humain uniquement",
    rejets.TECHNIQUE: "données à corriger avant une présentation manuelle",
}


def sentence(code: str) -> str:
    """What *code* means, in French; the code itself when it is unknown."""
    return rejets.in_words(code) or code


def obstacle(code: str, retryable: Collection[str]) -> str | None:
    """Why a debit rejected with the normal *code* is not presented again, None when it may be (R1, R2).

    *retryable* are the codes of a policy, which never help a code of another class than RETRY.
    """
    kind = rejets.class_of(code)
    if kind is None:
        return UNKNOWN
    if kind == rejets.RETRY and code in retryable:
        return None
    return f"{sentence(code)} : {_TREATMENTS[kind]}"
