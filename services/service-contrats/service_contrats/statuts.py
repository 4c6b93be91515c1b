"""The life of a contract: which statut may follow which (R5). `transitions.py` writes them."""

from collections.abc import Mapping
from typing import Final

from grpc_utils import at_most
from grpc_utils.errors import FailedPrecondition, InvalidArgument, TransitionInterdite

from service_contrats.models import (
    ACTIF,
    ANNULE,
    BROUILLON,
    EXPIRE,
    RESILIE,
    SIGNE,
    SUSPENDU,
    Contrat,
)

TRANSITIONS: Final[Mapping[str, frozenset[str]]] = {
    BROUILLON: frozenset({SIGNE, ANNULE}),
    SIGNE: frozenset({ACTIF, ANNULE}),
    ACTIF: frozenset({SUSPENDU, RESILIE, EXPIRE}),
    SUSPENDU: frozenset({ACTIF, RESILIE, EXPIRE}),
    RESILIE: frozenset(),
    EXPIRE: frozenset(),
    ANNULE: frozenset(),
}
EN_COURS: Final = frozenset({SIGNE, ACTIF, SUSPENDU})
FINALS: Final = frozenset({RESILIE, EXPIRE, ANNULE})

_SHORTEST_MOTIF, _LONGEST_MOTIF = 3, 500


class MotifTropCourt(InvalidArgument):
    """Un motif compte au moins 3 caractères."""


class ContratEngage(FailedPrecondition):
    """Ce contrat n'est plus un brouillon : ce changement n'est plus possible."""


def check_transition(contrat: Contrat, vers: str) -> None:
    """Refuse a statut that may not follow that of *contrat* (R5). Raises TransitionInterdite."""
    if vers not in TRANSITIONS[contrat.statut]:
        raise TransitionInterdite(de=contrat.statut, vers=vers)


def check_brouillon(contrat: Contrat) -> None:
    """Refuse to change what a signature has settled (R13). Raises ContratEngage."""
    if contrat.statut != BROUILLON:
        raise ContratEngage(statut=contrat.statut)


def check_deletable(contrat: Contrat) -> None:
    """Refuse to delete a contract that binds or has bound somebody (R12). Raises ContratEngage."""
    if contrat.statut not in (BROUILLON, ANNULE):
        raise ContratEngage(statut=contrat.statut)


def motif(text: str, *, shortest: int = _SHORTEST_MOTIF) -> str:
    """A motif of 3 to 500 characters (R15). Raises MotifTropCourt, TropLong."""
    if len(text) < shortest:
        raise MotifTropCourt(champ="motif")
    at_most(text, _LONGEST_MOTIF, "motif")
    return text
