"""Templates that an organisation writes: texts with {{variables}} of a closed set, and nothing else (R3).

There is no template language: a name is replaced by its value, and whatever else stands between braces is
refused when the rule is stored. Pure.
"""

import re
from collections.abc import Mapping
from typing import Final

from grpc_utils.errors import InvalidArgument, permitted

VARIABLES: Final = frozenset(
    {
        "client_nom",
        "numero_facture",
        "montant_du",
        "montant_facture",
        "date_echeance",
        "jours_retard",
        "penalites",
        "indemnite",
        "total_du",
        "societe_nom",
        "motif_rejet",
        "date_rejet",
        "reference_contrat",
        "date_fin",
    }
)

_VARIABLE = re.compile(r"\{\{[ \t]*([a-z_]+)[ \t]*\}\}")
_MARKS = ("{{", "}}", "{%", "%}", "{#", "#}")


class ModeleInvalide(InvalidArgument):
    """Le modèle contient une variable inconnue ou une construction interdite."""


def check_template(text: str | None, champ: str) -> None:
    """Refuse a *text* with anything between braces but the variables. Raises ModeleInvalide."""
    if text:
        unknown = set(_VARIABLE.findall(text)) - VARIABLES
        if unknown:
            raise ModeleInvalide(*permitted(sorted(VARIABLES)), champ=champ, variable=min(unknown)[:64])
        rest = _VARIABLE.sub(" ", text)
        if any(mark in rest for mark in _MARKS):
            raise ModeleInvalide(*permitted(sorted(VARIABLES)), champ=champ)


def filled(template: str, values: Mapping[str, str]) -> str:
    """The text of *template* with its variables replaced; one without a value leaves nothing."""
    return _VARIABLE.sub(lambda variable: values.get(variable[1], ""), template)
