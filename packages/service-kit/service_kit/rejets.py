"""Reasons for which banks reject debits, by what can be done about them. Pure.

The codes are those of ISO 20022 (ExternalStatusReason1Code and ExternalReturnReason1Code) as the rulebooks
of SEPA use them. Banks also send codes of their own: those belong to no class.
"""

from collections.abc import Mapping
from typing import Final

RETRY: Final = "RETRY"
"""The debit may be presented again."""
COORDONNEES: Final = "COORDONNEES"
"""New bank details are needed."""
MANDAT: Final = "MANDAT"
"""A new mandate is needed."""
LITIGE: Final = "LITIGE"
"""The client has refused the debit, or his bank for him: somebody talks to him."""
FIN: Final = "FIN"
"""Nothing is debited or asked any more; people decide."""
TECHNIQUE: Final = "TECHNIQUE"
"""The mistake is ours or a bank's; the client can cure nothing."""

_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
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
_CLASSES: Final = {code: kind for kind, codes in _WORDS.items() for code in codes}
CODES: Final = frozenset(_CLASSES)
"""All that belong to a class."""


def normal_code(code: str) -> str:
    """*code* as codes are compared and stored: upper-case and trimmed."""
    return code.strip().upper()


def class_of(code: str) -> str | None:
    """The class of *code*, None for one that is unknown."""
    return _CLASSES.get(normal_code(code))


def in_words(code: str) -> str:
    """What *code* means, in French and without its number; "" for one that is unknown."""
    kind = class_of(code)
    return _WORDS[kind][normal_code(code)] if kind else ""
