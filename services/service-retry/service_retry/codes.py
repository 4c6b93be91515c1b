"""Reasons for which banks reject debits, by what can be done about them (R1, R2).

Codes of ISO 20022 (external code set ExternalStatusReason1Code) as the SEPA rulebook uses them.
"""

from collections.abc import Collection, Mapping
from typing import Final

RETRY, COORDONNEES, MANDAT = "RETRY", "COORDONNEES", "MANDAT"
LITIGE, FIN, TECHNIQUE = "LITIGE", "FIN", "TECHNIQUE"

# The order in which built-in policies name them.
RETRYABLE: Final = ("AM04", "MS03")

_SENTENCES: Final[Mapping[str, Mapping[str, str]]] = {
    RETRY: {
        "AM04": "provision insuffisante",
        "MS03": "motif non communiqué par la banque",
    },
    COORDONNEES: {
        "AC01": "IBAN incorrect",
        "AC04": "compte clôturé",
        "AC06": "compte bloqué",
        "AC13": "compte de débiteur non admis",
        "AG01": "opération interdite sur ce compte",
        "RC01": "identifiant de banque incorrect",
        "DNOR": "banque du débiteur non enregistrée",
    },
    MANDAT: {
        "MD01": "absence de mandat",
        "MD02": "données du mandat incorrectes",
    },
    LITIGE: {
        "MS02": "refus du débiteur",
        "MD06": "demande de remboursement du débiteur",
        "SL01": "service de la banque du débiteur",
    },
    FIN: {
        "MD07": "débiteur décédé",
        "RR04": "motif réglementaire",
    },
    TECHNIQUE: {
        "CNOR": "banque du créancier non enregistrée",
        "BE05": "identifiant créancier inconnu",
        "AG02": "code opération incorrect",
        "AM05": "doublon",
        "FF01": "format de fichier incorrect",
        "FF05": "instrument local incorrect",
        "RR01": "compte ou identifiant du débiteur manquant",
        "RR02": "nom ou adresse du débiteur manquant",
        "RR03": "nom ou adresse du créancier manquant",
        "ED05": "échec du règlement",
        "TM01": "fichier reçu trop tard",
    },
}
_CLASSES: Final = {code: kind for kind, codes in _SENTENCES.items() for code in codes}
_TREATMENTS: Final = {
    RETRY: "motif non représenté par la politique",
    COORDONNEES: "nouvelles coordonnées bancaires nécessaires",
    MANDAT: "nouveau mandat nécessaire",
    LITIGE: "client à contacter",
    FIN: "traitement humain uniquement",
    TECHNIQUE: "données à corriger avant une présentation manuelle",
}
UNKNOWN: Final = "code inconnu"


def normal(code: str) -> str:
    """*code* as codes are compared and stored: upper-case and trimmed (R2)."""
    return code.strip().upper()


def class_of(code: str) -> str | None:
    """The class of a normal *code*, None for one that is unknown."""
    return _CLASSES.get(code)


def sentence(code: str) -> str:
    """What a normal *code* means, in French and without its number; the code itself when it is unknown."""
    kind = _CLASSES.get(code)
    return _SENTENCES[kind][code] if kind else code


def obstacle(code: str, retryable: Collection[str]) -> str | None:
    """Why a debit rejected with the normal *code* is not presented again, None when it may be (R1, R2).

    *retryable* are the codes of a policy, which never help a code of another class than RETRY.
    """
    kind = _CLASSES.get(code)
    if kind is None:
        return UNKNOWN
    if kind == RETRY and code in retryable:
        return None
    return f"{sentence(code)} : {_TREATMENTS[kind]}"
