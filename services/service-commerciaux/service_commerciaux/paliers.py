"""Rules of the tiers (paliers) of a barème, as pure functions (R14).

The contract says how many there may be.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from typing import Any

from crm.commerciaux import commerciaux_pb2 as pb
from grpc_utils import entry, money, percentage
from grpc_utils.errors import InvalidArgument

from service_commerciaux import rules
from service_commerciaux.models import VOLUME, Bareme, Palier

_CONTENT = (
    "code",
    "nom",
    "type_palier",
    "seuil_min",
    "seuil_max",
    "montant_prime",
    "taux_bonus",
    "cumulable",
    "par_periode",
    "type_produit",
    "ordre",
)


class PalierEnDouble(InvalidArgument):
    """Deux paliers d'un barème portent le même code."""


class SeuilsInvalides(InvalidArgument):
    """Le seuil maximal d'un palier doit dépasser son seuil minimal."""


class PaliersChevauches(InvalidArgument):
    """Deux paliers de même type et de même produit se chevauchent."""


def new_paliers(bareme: Bareme, requested: Sequence[pb.Palier]) -> list[Palier]:
    """Tiers of *bareme* as *requested*, numbered from 1 where they have no code. Raises InvalidArgument."""
    paliers = [_new_palier(bareme, palier, position) for position, palier in enumerate(requested)]
    _check_apart(paliers)
    return paliers


def copied(bareme: Bareme, paliers: Iterable[Palier]) -> list[Palier]:
    """The same *paliers* as tiers of *bareme*."""
    return [
        Palier(organisation_id=bareme.organisation_id, bareme_id=bareme.id, **_content(palier))
        for palier in paliers
    ]


def same(some: Iterable[Palier], others: Iterable[Palier]) -> bool:
    """Tell whether two lists hold the same tiers, whatever the order of the lists."""
    first, second = ({palier.code: _content(palier) for palier in paliers} for paliers in (some, others))
    return first == second


def ordered(paliers: Iterable[Palier]) -> list[Palier]:
    """Sort *paliers* as they are answered: by ordre, then seuil_min."""
    return sorted(paliers, key=lambda palier: (palier.ordre, palier.seuil_min, palier.code))


def _new_palier(bareme: Bareme, requested: pb.Palier, position: int) -> Palier:
    with entry("paliers", position):
        return _checked(bareme, requested, rules.code_of(requested.code or f"P{position + 1}"))


def _checked(bareme: Bareme, requested: pb.Palier, code: str) -> Palier:
    seuil_min = money(requested.seuil_min, "seuil_min")
    seuil_max = money(requested.seuil_max, "seuil_max") if requested.HasField("seuil_max") else None
    if seuil_max is not None and seuil_max <= seuil_min:
        raise SeuilsInvalides(champ="seuil_max", palier=code)
    return Palier(
        organisation_id=bareme.organisation_id,
        bareme_id=bareme.id,
        code=code,
        nom=requested.nom or code,
        type_palier=requested.type_palier or VOLUME,
        seuil_min=seuil_min,
        seuil_max=seuil_max,
        montant_prime=money(requested.montant_prime, "montant_prime"),
        taux_bonus=percentage(requested.taux_bonus, "taux_bonus")
        if requested.HasField("taux_bonus")
        else None,
        cumulable=requested.cumulable if requested.HasField("cumulable") else True,
        par_periode=requested.par_periode if requested.HasField("par_periode") else True,
        type_produit=requested.type_produit or None,
        ordre=requested.ordre,
    )


def _check_apart(paliers: Sequence[Palier]) -> None:
    """Refuse two tiers of one code, and two of one kind with a measure in common."""
    codes = [palier.code for palier in paliers]
    for code in codes:
        if codes.count(code) > 1:
            raise PalierEnDouble(f"palier : {code}", champ="paliers", palier=code)
    in_order = sorted(paliers, key=lambda palier: (*_kind(palier), palier.seuil_min))
    for _, of_one_kind in groupby(in_order, key=_kind):
        for lower, upper in pairwise(of_one_kind):
            if lower.seuil_max is None or lower.seuil_max > upper.seuil_min:
                raise PaliersChevauches(f"palier : {upper.code}", champ="paliers", palier=upper.code)


def _kind(palier: Palier) -> tuple[str, str]:
    return palier.type_palier, palier.type_produit or ""


def _content(palier: Palier) -> dict[str, Any]:
    return {name: getattr(palier, name) for name in _CONTENT}
