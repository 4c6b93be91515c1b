"""Rankings of apporteurs as pure functions (R13)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from crm.contrats.contrats_pb2 import StatistiquesCommercial
from crm.dashboard import dashboard_pb2 as pb
from db_utils import text_key

from service_dashboard import rules

_LONGEST: Final = 10


@dataclass(frozen=True, slots=True)
class Vendeur:
    """An apporteur, the contracts of his that were signed in a period, their amount, and all his clients."""

    id: str
    nom: str
    ventes: int
    montant: Fraction
    clients: int

    @property
    def conversion(self) -> Fraction:
        """Contracts signed per hundred clients; 0 without clients."""
        return rules.taux(self.ventes, self.clients)


def vendeurs(
    names: Mapping[str, str], told: Sequence[StatistiquesCommercial], clients: Mapping[str, int]
) -> list[Vendeur]:
    """Every apporteur of *names* with what he has sold and how many clients he has."""
    sold = {one.commercial_id: one for one in told}
    nothing = StatistiquesCommercial()
    return [
        Vendeur(
            one,
            name,
            sold.get(one, nothing).nombre,
            rules.exact(sold.get(one, nothing).montant_total),
            clients.get(one, 0),
        )
        for one, name in names.items()
    ]


def par_ventes(of: Sequence[Vendeur]) -> list[pb.RangCommercial]:
    """By contracts signed."""
    return _ranked([(Fraction(one.ventes), one) for one in of])


def par_ca(of: Sequence[Vendeur]) -> list[pb.RangCommercial]:
    """By the amount of the contracts signed."""
    return _ranked([(one.montant, one) for one in of])


def par_conversion(of: Sequence[Vendeur]) -> list[pb.RangCommercial]:
    """By contracts signed per hundred clients."""
    return _ranked([(one.conversion, one) for one in of])


def _ranked(valued: Sequence[tuple[Fraction, Vendeur]]) -> list[pb.RangCommercial]:
    """The first ten; of equal ones the higher amount is first, then the name decides, then the id."""
    ordered = sorted(valued, key=lambda pair: (-pair[0], -pair[1].montant, text_key(pair[1].nom), pair[1].id))
    return [
        pb.RangCommercial(
            commercial_id=one.id, nom_complet=one.nom, valeur=rules.two_decimals(valeur), rang=rang
        )
        for rang, (valeur, one) in enumerate(ordered[:_LONGEST], start=1)
    ]
