"""Primes: which tiers an INITIALE has reached, and what they still pay (R12–R15). Pure functions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from service_commission.baremes import VOLUME, Bareme, Palier
from service_commission.models import ZERO
from service_commission.montants import Mesures


@dataclass(frozen=True, slots=True)
class Versee:
    """A prime that a beneficiary has of a scale already."""

    palier_code: str
    periode: str
    montant: Decimal


@dataclass(frozen=True, slots=True)
class Prime:
    """A prime that becomes due: its tier, what was measured, and the amount."""

    palier: Palier
    mesure: Decimal
    montant: Decimal


def dues(
    bareme: Bareme, mesures: Mesures, toujours: Mesures, versees: Sequence[Versee], periode: str
) -> list[Prime]:
    """The primes that *bareme* pays in *periode*; measures include the new contract (R12).

    A cumulative tier pays once. Of the others, within one kind of measure and product, the highest
    one that is reached pays what the lower ones have not paid yet.
    """
    reached = [
        Prime(palier, mesure, palier.montant_prime)
        for palier in bareme.paliers
        if palier.montant_prime > 0
        and (mesure := (mesures if palier.par_periode else toujours).of(palier)) >= palier.seuil_min
    ]
    found = [one for one in reached if one.palier.cumulable]
    found += [_difference(bareme, one, versees, periode) for one in _highest(reached)]
    return [one for one in found if one.montant > 0 and not _paid([one.palier], versees, periode)]


def of_team(bareme: Bareme) -> Bareme:
    """The part of a manager's scale that is measured on his team (R14)."""
    volumes = tuple(one for one in bareme.paliers if one.type_palier == VOLUME)
    return Bareme(code=bareme.code, version=bareme.version, type_calcul=bareme.type_calcul, paliers=volumes)


def _highest(reached: Iterable[Prime]) -> Iterable[Prime]:
    best: dict[tuple[str, str], Prime] = {}
    for one in reached:
        group = one.palier.type_palier, one.palier.type_produit
        if not one.palier.cumulable and (
            group not in best or one.palier.seuil_min > best[group].palier.seuil_min
        ):
            best[group] = one
    return best.values()


def _difference(bareme: Bareme, highest: Prime, versees: Sequence[Versee], periode: str) -> Prime:
    palier = highest.palier
    group = [
        one
        for one in bareme.paliers
        if not one.cumulable
        and (one.type_palier, one.type_produit) == (palier.type_palier, palier.type_produit)
    ]
    paid = sum((one.montant for one in _paid(group, versees, periode)), ZERO)
    return Prime(palier, highest.mesure, palier.montant_prime - paid)


def _paid(paliers: Iterable[Palier], versees: Sequence[Versee], periode: str) -> list[Versee]:
    """What was paid for *paliers*: in *periode*, or ever where a tier pays once for all."""
    codes = {one.code: one.par_periode for one in paliers}
    return [
        one
        for one in versees
        if one.palier_code in codes and (one.periode == periode or not codes[one.palier_code])
    ]
