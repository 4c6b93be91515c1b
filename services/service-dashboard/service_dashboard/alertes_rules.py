"""Levels of alerts as pure functions: which bound a figure has crossed, what is said of it (R10)."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final

from crm.dashboard import dashboard_pb2 as pb
from db_utils.clock import midnight
from grpc_utils import timestamp

from service_dashboard import rules
from service_dashboard.mois import days_in

NIVEAUX: Final = ("critique", "avertissement", "info")
TAUX_IMPAYES, TAUX_CHURN, OBJECTIF_CA = "taux_impayes", "taux_churn", "objectif_ca"
ORGANISATION, SOCIETE = "organisation", "societe"
# From the worst level on. Rates are alarming from their bound on, revenue is below it.
_BOUNDS: Final[Mapping[str, Sequence[int]]] = {
    TAUX_IMPAYES: (15, 10, 5),
    TAUX_CHURN: (10, 5, 3),
    OBJECTIF_CA: (70, 85, 95),
}
_TITRES: Final = {
    TAUX_IMPAYES: "Taux d'impayés élevé",
    TAUX_CHURN: "Taux de résiliation élevé",
    OBJECTIF_CA: "Chiffre d'affaires en retard sur l'objectif",
}
_PHRASES: Final = {
    TAUX_IMPAYES: "{valeur} % des factures émises ce mois-ci sont en retard de paiement",
    TAUX_CHURN: "{valeur} % des contrats actifs au début du mois ont été résiliés",
    OBJECTIF_CA: "Le chiffre d'affaires du mois atteint {valeur} % de l'objectif à ce jour",
}


@dataclass(frozen=True, slots=True)
class Entite:
    """What a figure is about: *kind* is organisation or societe; an organisation has no *name*."""

    kind: str
    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Constat:
    """A figure of the current month, in percent."""

    type: str
    entite: Entite
    valeur: Fraction


def crossed(constat: Constat) -> tuple[str, int] | None:
    """The level of *constat* and the bound that makes it so, None when all is well.

    The exact figure decides, not the rounded one (R15).
    """
    for niveau, bound in zip(NIVEAUX, _BOUNDS[constat.type], strict=True):
        falls_short = constat.type == OBJECTIF_CA and constat.valeur < bound
        if falls_short or (constat.type != OBJECTIF_CA and constat.valeur >= bound):
            return niveau, bound
    return None


def attained(realise: Decimal, objectif: Decimal, today: date) -> Fraction | None:
    """Revenue in percent of the part of the objective that falls to the days until *today*; None of 0."""
    if not objectif:
        return None
    due = Fraction(objectif) * today.day / days_in(today)
    return 100 * Fraction(realise) / due


def alertes(organisation_id: str, constats: Sequence[Constat], today: date) -> list[pb.Alerte]:
    """The alerts that *constats* give, the worst first, then by type and entity."""
    found = [
        _alerte(organisation_id, constat, *level, today)
        for constat in constats
        if (level := crossed(constat)) is not None
    ]
    order = [ORGANISATION, SOCIETE]
    return sorted(
        found,
        key=lambda one: (
            NIVEAUX.index(one.niveau),
            one.type,
            order.index(one.entite_concernee),
            one.entite_id,
        ),
    )


def _alerte(organisation_id: str, constat: Constat, niveau: str, seuil: int, today: date) -> pb.Alerte:
    entite, valeur = constat.entite, rules.two_decimals(constat.valeur)
    phrase = _PHRASES[constat.type].format(valeur=f"{valeur:.2f}".replace(".", ","))
    return pb.Alerte(
        id=_id(organisation_id, constat.type, entite.kind, entite.id, f"{today:%Y-%m}"),
        titre=_TITRES[constat.type],
        description=f"{entite.name} : {phrase}." if entite.name else f"{phrase}.",
        niveau=niveau,
        type=constat.type,
        valeur_actuelle=valeur,
        seuil=seuil,
        date_detection=timestamp(midnight(today)),
        entite_concernee=entite.kind,
        entite_id=entite.id,
    )


def _id(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
