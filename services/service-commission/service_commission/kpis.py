"""KpiService: what commissions and reprises of some months come to (R29)."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from crm.commission import commission_pb2 as pb
from crm.commission.commission_pb2_grpc import KpiServiceServicer
from db_utils import Reader
from grpc_utils import Context
from grpc_utils.errors import InvalidArgument
from service_kit import App, Settings
from sqlalchemy import bindparam, func, or_, select

from service_commission import periodes
from service_commission.models import ANNULEE, PRIME, RECURRENCE, ZERO, Commission, Reprise
from service_commission.montants import numero_mois

_MOST_MONTHS: Final = 36
_RATIO: Final = Decimal("0.0001")
_OPTIONS: Final = ("beneficiaire_id", "societe_id", "type_produit")
_asked = [or_(bindparam(name) == "", getattr(Commission, name) == bindparam(name)) for name in _OPTIONS]
_place = (Commission.beneficiaire_id, Commission.type_produit)
# What was taken before a bordereau had it was never due; reprises stand apart.
_applied = (
    select(func.coalesce(func.sum(Reprise.montant), ZERO))
    .where(Reprise.commission_id == Commission.id, Reprise.statut != ANNULEE)
    .scalar_subquery()
)
_BRUT: Any = (
    select(
        Commission.periode,
        *_place,
        Commission.type,
        func.sum(Commission.montant - Commission.montant_repris + _applied),
    )
    .where(
        Commission.statut != ANNULEE,
        Commission.periode.between(bindparam("periode_debut"), bindparam("periode_fin")),
        *_asked,
    )
    .group_by(Commission.periode, *_place, Commission.type)
)
_REPRISES: Any = (
    select(Reprise.periode_application, *_place, Commission.type, func.sum(Reprise.montant))
    .join(Commission, Commission.id == Reprise.commission_id)
    .where(
        Reprise.statut != ANNULEE,
        Reprise.periode_application.between(bindparam("periode_debut"), bindparam("periode_fin")),
        *_asked,
    )
    .group_by(Reprise.periode_application, *_place, Commission.type)
)


class IntervalleInvalide(InvalidArgument):
    """L'intervalle va d'une période à la même ou à une suivante, sur 36 mois au plus."""


@dataclass(frozen=True, slots=True)
class Chiffres:
    """Sums of commissions and reprises."""

    brut: Decimal = ZERO
    recurrent: Decimal = ZERO
    primes: Decimal = ZERO
    reprises: Decimal = ZERO

    def with_commission(self, kind: str, montant: Decimal) -> "Chiffres":
        """These sums and a commission of *kind*."""
        return replace(
            self,
            brut=self.brut + montant,
            recurrent=self.recurrent + (montant if kind == RECURRENCE else ZERO),
            primes=self.primes + (montant if kind == PRIME else ZERO),
        )

    @property
    def told(self) -> dict[str, Any]:
        """The fields that a total and its parts share."""
        return {
            "brut": float(self.brut),
            "recurrent": float(self.recurrent),
            "primes": float(self.primes),
            "reprises": float(self.reprises),
            "net": float(self.brut - self.reprises),
        }


# Period, beneficiary, kind of product, type, sum.
Row = tuple[str, str | None, str | None, str, Decimal]


class KpiService(KpiServiceServicer):
    """Figures of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Get(self, request: pb.GetKpiRequest, context: Context) -> pb.Kpi:
        """Sum up commissions by their period and reprises by the one they apply to (R29)."""
        debut = periodes.read(request.periode_debut, "periode_debut")
        fin = periodes.read(request.periode_fin, "periode_fin")
        if fin < debut or numero_mois(debut, fin) > _MOST_MONTHS:
            raise IntervalleInvalide(champ="periode_fin")
        named = {"periode_debut": debut, "periode_fin": fin}
        named |= {name: getattr(request, name) for name in _OPTIONS}
        return _kpi(*await _rows(self._db.read(), named))


async def _rows(reader: Reader, named: dict[str, str]) -> tuple[list[Row], list[Row]]:
    return await reader.all(_BRUT, **named), await reader.all(_REPRISES, **named)


def _kpi(commissions: list[Row], reprises: list[Row]) -> pb.Kpi:
    whole = _sums(commissions, reprises, lambda row: "").get("", Chiffres())
    return pb.Kpi(
        **whole.told,
        taux_reprise=ratio(whole.reprises, whole.brut),
        taux_recurrence=ratio(whole.recurrent, whole.brut),
        par_periode=_parts(commissions, reprises, 0),
        par_beneficiaire=_parts(commissions, reprises, 1),
        par_produit=_parts(commissions, reprises, 2),
    )


def ratio(part: Decimal, brut: Decimal) -> float:
    """*part* of *brut* with four decimals, 0 where there is no brut."""
    return float((part / brut).quantize(_RATIO, ROUND_HALF_UP)) if brut else 0.0


def _parts(commissions: list[Row], reprises: list[Row], column: int) -> Iterable[pb.KpiPart]:
    found = _sums(commissions, reprises, lambda row: str(row[column] or ""))
    return [pb.KpiPart(cle=cle, **found[cle].told) for cle in sorted(found)]


def _sums(commissions: list[Row], reprises: list[Row], key: Callable[[Row], str]) -> dict[str, Chiffres]:
    found: defaultdict[str, Chiffres] = defaultdict(Chiffres)
    for row in commissions:
        found[key(row)] = found[key(row)].with_commission(row[3], row[4])
    for row in reprises:
        former = found[key(row)]
        found[key(row)] = replace(former, reprises=former.reprises + row[4])
    return found
